/** What the commands that follow packets have in common: options, the live run, the recording. */
import { type JourneyOptions, journeyOptions } from './journey-options.js';
import { filterExpression, runLive, Stopper, type View } from './live.js';
import { Output } from './output.js';
import { checkWritesRecording, recordingOf } from './recording-options.js';
import type { TraceArguments } from './trace-options.js';

export type JourneyViewOf = (
  args: TraceArguments,
  version: string,
  output: Output,
  asked: JourneyOptions,
  onEnough: () => void,
) => View;

/** Runs until the end that was asked for; returns the exit code. */
export async function journeyCommand(
  args: TraceArguments,
  version: string,
  kallsyms: Promise<Buffer>,
  stages: readonly string[],
  viewOf: JourneyViewOf,
): Promise<number> {
  checkWritesRecording(args);
  const asked = journeyOptions(args, filterExpression(args), stages);
  const stopper = new Stopper();
  const output = new Output(() => stopper.stop('output-closed'));
  const { options, notes, packets } = asked;
  return runLive({
    ...{ options, notes, output, stopper, kallsyms },
    view: viewOf(args, version, output, asked, () => stopper.stop('count')),
    recording: recordingOf(args, { version, packets }, packets !== undefined),
  });
}
