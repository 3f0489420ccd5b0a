/** `taptrace [trace]`: live events at the taps. */
import { setFlagsFromString } from 'node:v8';
import { summaryJson } from '../render/trace-json.js';
import { summaryLines } from '../render/trace-text.js';
import { filterExpression, runLive, Stopper, type View } from './live.js';
import { Output } from './output.js';
import { recordingOf, writeTarget } from './recording-options.js';
import { JsonSink, TextSink } from './sinks.js';
import { eventOptions, type TraceArguments, textOptions } from './trace-options.js';

/**
 * What an event leaves behind in memory is dead at once, so a larger young generation collects no better; it
 * only makes the process grow by some twenty MiB.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Events as text or JSON. */
function traceView(args: TraceArguments, version: string, output: Output): View {
  const lineBuffered = Boolean(args.l || args.U);
  const sink = args.json
    ? new JsonSink(output, version, lineBuffered, Boolean(args.debug))
    : new TextSink(output, textOptions(args), lineBuffered, Boolean(args.debug));
  return {
    sink,
    summary: (summary) => {
      if (sink instanceof JsonSink) output.data(`${JSON.stringify(summaryJson(summary, sink.packets))}\n`);
      for (const line of summaryLines(summary)) output.talk(line);
    },
  };
}

/** Events where they are wanted: shown, in a pcapng file, or both. Throws UsageError. */
export async function eventsView(
  args: TraceArguments,
  version: string,
  output: Output,
  closed: () => void,
): Promise<View> {
  const target = writeTarget(args);
  if (target?.format !== 'pcapng') return traceView(args, version, output);
  const { bothViews, pcapngView } = await import('./pcapng-view.js');
  const file = pcapngView(target, output, version, closed);
  return target.print ? bothViews(traceView(args, version, output), file) : file;
}

/** Runs the trace; returns the exit code. */
export async function traceCommand(
  args: TraceArguments,
  version: string,
  kallsyms: Promise<Buffer>,
): Promise<number> {
  keepYoungGenerationSmall();
  const { options, notes } = eventOptions(args, filterExpression(args));
  const stopper = new Stopper();
  const closed = (): void => stopper.stop('output-closed');
  const output = new Output(closed);
  return runLive({
    ...{ options, notes, output, stopper, kallsyms },
    view: await eventsView(args, version, output, closed),
    recording: recordingOf(args, { version }, options.count !== undefined),
  });
}
