/** `taptrace [trace]`: live events at the taps. */
import { setFlagsFromString } from 'node:v8';
import { summaryJson } from '../render/trace-json.js';
import { summaryLines } from '../render/trace-text.js';
import { filterExpression, runLive, Stopper } from './live.js';
import { Output } from './output.js';
import { JsonSink, TextSink } from './sinks.js';
import { eventOptions, type TraceArguments, textOptions } from './trace-options.js';

/**
 * What an event leaves behind in memory is dead at once, so a larger young generation collects no better; it
 * only makes the process grow by some twenty MiB.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
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
  const output = new Output(() => stopper.stop('output-closed'));
  const sink = args.json
    ? new JsonSink(output, version, options.lineBuffered, Boolean(args.debug))
    : new TextSink(output, textOptions(args), options.lineBuffered, Boolean(args.debug));
  return runLive({
    ...{ options, notes, output, sink, stopper, kallsyms },
    summary: (summary) => {
      if (sink instanceof JsonSink) output.data(`${JSON.stringify(summaryJson(summary, sink.packets))}\n`);
      for (const line of summaryLines(summary)) output.talk(line);
    },
  });
}
