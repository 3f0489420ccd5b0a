/** The shape of a command line before yargs reads it: commands by name, and short options as tcpdump packs them. */

/** Commands of this version. */
export const commands = ['trace', 'path', 'compare', 'read', 'stages', 'doctor'] as const;
export type CommandName = (typeof commands)[number];

/** Commands that the contract names and a later version brings. */
export const laterCommands: readonly string[] = ['taps', 'locate', 'learn', 'serve', 'report', 'extcap'];

/** Short options that take a value, so that `-ieth0` and `-nni eth0` mean what they mean to tcpdump. */
const shortWithValue = new Set(['i', 's', 'c', 'Q', 'B', 'F', 'w', 'r']);

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
