/** A file that was given as far as it is whole. */
import { exitCode, TaptraceError } from '../errors.js';
import type { TraceSummary } from '../trace/trace.js';

/** Throws TaptraceError where there was more. */
export function checkWhole(file: string, broken: TraceSummary['broken']): void {
  if (!broken) return;
  const how = broken.how === 'cut' ? 'ends in the middle' : 'is damaged';
  throw new TaptraceError(`${file} ${how} (byte ${broken.offset})`, exitCode.failure, undefined, {
    code: 'recording-damaged',
  });
}
