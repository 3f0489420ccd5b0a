/** `taptrace read x.pcap`: a capture file in the view of a trace. */
import { CaptureReading, type CaptureSummary } from '../capture/capture-reading.js';
import { type ExitCode, exitCode, UsageError } from '../errors.js';
import type { InputFile } from '../record/input-file.js';
import type { ReadOptions } from '../record/reading.js';
import { droppedPackets } from '../render/capture-json.js';
import { captureQuestions } from './capture-options.js';
import { CaptureJsonSink, CapturePcapngSink, CaptureTextSink, type CaptureView } from './capture-sinks.js';
import { Stopper, stopOnSignals } from './live.js';
import { Output } from './output.js';
import { Progress, tellBroken } from './progress.js';
import { writeTarget } from './recording-options.js';
import { type TraceArguments, textOptions } from './trace-options.js';

/** Throws UsageError. */
function viewOf(
  args: TraceArguments,
  filter: string | undefined,
  version: string,
  output: Output,
  closed: () => void,
): CaptureView {
  const target = writeTarget(args);
  if (target?.format === 'taptrace')
    throw new UsageError(
      'a capture file makes no recording: it does not tell what the kernel did',
      'name what -w writes .pcapng',
    );
  if (target?.print) throw new UsageError('--print does not go with a capture file: leave out -w to see it');
  if (target) return new CapturePcapngSink(target.path, output, version, closed);
  const lineBuffered = Boolean(args.l || args.U);

  return args.json
    ? new CaptureJsonSink(output, version, filter, lineBuffered)
    : new CaptureTextSink(output, textOptions(args), lineBuffered);
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** Lines for stderr, each without its newline. */
function summaryLines(summary: CaptureSummary): string[] {
  const { packets, filteredOut, undecided } = summary;
  const dropped = droppedPackets(summary);
  return [
    plural(packets, 'packet'),
    ...(filteredOut ? [`${plural(filteredOut, 'packet')} did not match the filter`] : []),
    ...(undecided ? [`${plural(undecided, 'packet')} could not be decided by the filter`] : []),
    ...(dropped ? [`NOT complete: the capture lost ${plural(dropped, 'packet')}, as the file tells`] : []),
  ];
}

function exitCodeOf(summary: CaptureSummary, failOnLoss: boolean): ExitCode {
  if (failOnLoss && (droppedPackets(summary) ?? 0) > 0) return exitCode.loss;
  return summary.broken ? exitCode.failure : exitCode.done;
}

/** Shows the file; returns the exit code. */
export async function captureCommand(
  args: TraceArguments,
  version: string,
  input: InputFile,
  asked: ReadOptions,
): Promise<number> {
  const { own } = asked;
  const stopper = new Stopper();
  const closed = (): void => stopper.stop('output-closed');
  const output = new Output(closed);
  try {
    const reading = await CaptureReading.open(input, captureQuestions(input.path, asked), own.snaplen);
    stopper.ends(reading);
    const view = viewOf(args, own.filter, version, output, closed);
    const progress = new Progress(output, input);
    const forget = stopOnSignals(reading);
    const summary = await reading.run(view, () => progress.tell()).finally(forget);
    output.progress('');
    view.summary(summary);
    for (const line of summaryLines(summary)) output.talk(line);
    if (summary.broken) tellBroken(output, input.path, summary.broken);
    await output.written();
    return exitCodeOf(summary, own.failOnLoss);
  } finally {
    input.close();
  }
}
