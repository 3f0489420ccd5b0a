/** A capture for Wireshark: `trace` into its pipe, and nothing on stderr but what went wrong, for it shows that. */
import { openSync } from 'node:fs';
import { UsageError } from '../errors.js';
import { nativeBinding } from '../native/binding.js';
import { readKallsymsAsync } from '../system/symbols.js';
import { unpackShortOptions } from './arguments.js';
import { filterExpression, runLive, Stopper } from './live.js';
import { Output } from './output.js';
import { parse } from './parse.js';
import { eventsView } from './trace-command.js';
import { eventOptions } from './trace-options.js';

const parentLookMs = 500;

/** Runs until Wireshark stops it or is gone. Returns the exit code. Throws TaptraceError. */
export async function captureForWireshark(
  fifo: string,
  talks: boolean,
  argv: readonly string[],
): Promise<number> {
  // Wireshark waits for a writer, whatever comes of it; its end, with this process, comes after what was said on stderr.
  open(fifo);
  return capture(talks, argv);
}

function open(fifo: string): void {
  try {
    openSync(fifo, 'w');
  } catch (error) {
    throw new UsageError(`cannot write to Wireshark: ${(error as Error).message}`);
  }
}

async function capture(talks: boolean, argv: readonly string[]): Promise<number> {
  const kallsyms = readKallsymsAsync(nativeBinding());
  const parsed = await parse('trace', unpackShortOptions(argv));
  if (parsed.done) return 0;
  const { args, version } = parsed;
  const { options, notes } = eventOptions(args, filterExpression(args));
  const stopper = new Stopper();
  const closed = (): void => stopper.stop('output-closed');
  const output = new Output(closed);
  if (!talks) output.hush();
  const forget = whenOrphaned(closed);
  try {
    const view = await eventsView(args, version, output, closed);
    return await runLive({ options, notes, output, stopper, kallsyms, view });
  } finally {
    forget();
  }
}

/** A Wireshark that was killed says nothing, and its pipe is only missed when there is something to write. */
function whenOrphaned(gone: () => void): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => process.ppid !== parent && gone(), parentLookMs);
  return () => clearInterval(timer);
}
