/** The shape of a command line before yargs reads it: commands by name, and short options as tcpdump packs them. */

/** Commands of this version. */
export const commands = ['trace', 'path', 'compare', 'read', 'stages', 'doctor'] as const;
export type CommandName = (typeof commands)[number];

/** Commands that the contract names and a later version brings. */
export const laterCommands: readonly string[] = ['taps', 'locate', 'learn', 'serve', 'report'];

/** Short options that take a value, so that `-ieth0` and `-nni eth0` mean what they mean to tcpdump. */
const shortWithValue = new Set(['i', 's', 'c', 'Q', 'B', 'F', 'w', 'r', 'C', 'G', 'W']);

/** Splits packed short options: `-nnieth0` becomes `-n -n -i eth0`. Long options and words stay as they are. */
export function unpackShortOptions(argv: readonly string[]): string[] {
  const result: string[] = [];
  for (const [index, word] of argv.entries()) {
    if (word === '--') return [...result, ...argv.slice(index)];
    if (!/^-[A-Za-z]/.test(word)) {
      result.push(word);
      continue;
    }
    for (let at = 1; at < word.length; at += 1) {
      const letter = word[at]!;
      result.push(`-${letter}`);
      if (!shortWithValue.has(letter)) continue;
      const rest = word.slice(at + 1);
      if (rest) result.push(rest);
      break;
    }
  }
  return result;
}

/** What `-r FILE` makes of trace, path and compare: `read` with that view. Undefined where there is no -r. */
export function asRead(command: CommandName, argv: readonly string[]): string[] | undefined {
  if (!['trace', 'path', 'compare'].includes(command)) return undefined;
  const end = argv.indexOf('--');
  const options = end < 0 ? argv : argv.slice(0, end);
  const at = options.findLastIndex(
    (word) => word === '-r' || word === '--read' || word.startsWith('--read='),
  );
  const word = options[at];
  if (word === undefined) return undefined;
  const isJoined = word.startsWith('--read=');
  const file = isJoined ? word.slice('--read='.length) : argv[at + 1];
  if (file === undefined) return undefined;
  const others = [...argv.slice(0, at), ...argv.slice(at + (isJoined ? 1 : 2))];
  return ['--view', command, file, ...others];
}
