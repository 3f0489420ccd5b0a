/** `taptrace compare`: the taps beside the netfilter hooks. */

import { Comparison } from '../compare/comparison.js';
import { comparisonJson, comparisonLines } from '../render/compare.js';
import { summaryLines } from '../render/trace-text.js';
import type { Trace } from '../trace/trace.js';
import { compareStages, journeyOptions } from './journey-options.js';
import { JourneySink } from './journey-sink.js';
import { filterExpression, runLive } from './live.js';
import { Output } from './output.js';
import type { TraceArguments } from './trace-options.js';

/** Runs until the end that was asked for, then prints what the taps and the hooks saw; returns the exit code. */
export async function compareCommand(
  args: TraceArguments,
  version: string,
  kallsyms: Promise<Buffer>,
): Promise<number> {
  const asked = journeyOptions(args, filterExpression(args), compareStages);
  let stop: Trace['stop'] = () => undefined;
  const output = new Output(() => stop('output-closed'));
  const comparison = new Comparison();
  const json = Boolean(args.json);
  const sink = new JourneySink(output, comparison, asked, {
    ...{ json: false, version, debug: Boolean(args.debug) },
    onEnough: () => stop('count'),
  });
  return runLive(
    {
      ...{ options: asked.options, notes: asked.notes, output, sink, kallsyms },
      summary: (summary) => {
        const result = comparison.result();
        if (json) output.data(`${JSON.stringify(comparisonJson(result))}\n`);
        else output.data(`${comparisonLines(result).join('\n')}\n`);
        for (const line of summaryLines(summary)) output.talk(line);
      },
    },
    (stopTrace) => {
      stop = stopTrace;
    },
  );
}
