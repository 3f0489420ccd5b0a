/** The command line: finds the command, reads its options, and is the only place that prints errors and exits. */
import { exitCode, TaptraceError, UsageError } from '../errors.js';
import { nativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';
import { readKallsymsAsync } from '../system/symbols.js';
import { asRead, type CommandName, commands, laterCommands, unpackShortOptions } from './arguments.js';

async function run(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === 'extcap') return (await import('./extcap-command.js')).extcapCommand(rest);
  const isCommand = (commands as readonly string[]).includes(first ?? '');
  if (first !== undefined && laterCommands.includes(first))
    throw new UsageError(
      `the command '${first}' is not in this version yet`,
      `there are: ${commands.join(', ')}`,
    );
  const { parse } = await import('./parse.js');
  const asked = isCommand ? (first as CommandName) : 'trace';
  const words = unpackShortOptions(isCommand ? rest : argv);
  const reading = asRead(asked, words);
  const parsed = await parse(reading ? 'read' : asked, reading ?? words);
  if (parsed.done) return exitCode.done;
  const { command, args, version } = parsed;
  if (args.d) return (await import('./print-program.js')).printProgram(args);
  switch (command) {
    case 'trace': {
      // The slowest file of the machine, read while the modules load.
      const kallsyms = readKallsymsAsync(nativeBinding());
      return (await import('./trace-command.js')).traceCommand(args, version, kallsyms);
    }
    case 'path':
      return (await import('./path-command.js')).pathCommand(
        args,
        version,
        readKallsymsAsync(nativeBinding()),
      );
    case 'compare':
      return (await import('./compare-command.js')).compareCommand(
        args,
        version,
        readKallsymsAsync(nativeBinding()),
      );
    case 'read':
      return (await import('./read-command.js')).readCommand(args, version);
    case 'stages':
      return (await import('./stages-command.js')).stagesCommand(args);
    case 'doctor':
      return (await import('./doctor-command.js')).doctorCommand(args);
  }
}

/** One clear line, and a second one with what to do about it. */
function explain(error: unknown): number {
  const say = (line: string): boolean => process.stderr.write(`taptrace: ${printable(line)}\n`);
  if (error instanceof TaptraceError) {
    say(printable(error.message));
    if (error.hint) say(printable(error.hint));
    return error.exitCode;
  }
  say(error instanceof Error ? error.message : String(error));
  const debug = process.env.TAPTRACE_DEBUG || process.argv.includes('--debug');
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCode.failure;
}

/** Runs a command, tells what went wrong, and leaves the exit code. */
export async function commandLine(argv: readonly string[]): Promise<void> {
  process.exitCode = await run(argv).catch(explain);
}
