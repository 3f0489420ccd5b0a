/** A capture for Wireshark: `trace` into its pipe, and nothing on stderr but what went wrong, for it shows that. */
import { openSync } from 'node:fs';
import { exitCode, UsageError } from '../errors.js';
import { nativeBinding } from '../native/binding.js';
import { readKallsymsAsync } from '../system/symbols.js';
import { parse } from './parse.js';
import { traceCommand } from './trace-command.js';

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
  const parsed = await parse('trace', argv);
  if (parsed.done) return exitCode.done;
  let forget = (): void => undefined;
  try {
    return await traceCommand(parsed.args, parsed.version, kallsyms, (output, stop) => {
      if (!talks) output.hush();
      forget = whenOrphaned(stop);
    });
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
