/** `taptrace path`: one packet after the other, its whole way. */
import { ruleDoubts } from '../render/nft-text.js';
import { PathJson } from '../render/path-json.js';
import { PathText } from '../render/path-text.js';
import { followedText } from '../render/path-words.js';
import { summaryJson } from '../render/trace-json.js';
import { summaryLines } from '../render/trace-text.js';
import { journeyCommand } from './journey-command.js';
import { type JourneyOptions, pathStages } from './journey-options.js';
import { JourneySink } from './journey-sink.js';
import type { View } from './live.js';
import type { Output } from './output.js';
import { palette } from './sinks.js';
import { type TraceArguments, textOptions } from './trace-options.js';

/** Journeys as text or JSON. */
export function pathView(
  args: TraceArguments,
  version: string,
  output: Output,
  asked: JourneyOptions,
  onEnough: () => void,
): View {
  const json = Boolean(args.json);
  const { timeFormat, verbose } = textOptions(args);
  const view = json
    ? new PathJson(verbose > 0)
    : new PathText(palette(output.colour), {
        ...{ width: output.width, timeFormat, verbose: verbose > 0, stacks: asked.options.stacks },
      });
  const sink = new JourneySink(output, view, asked, {
    ...{ json, version, debug: Boolean(args.debug), onEnough },
  });
  return {
    sink,
    summary: (summary) => {
      const { packets, counts } = sink.follower;
      if (json) output.data(`${JSON.stringify({ ...summaryJson(summary, packets), ...counts })}\n`);
      const [first, ...others] = summaryLines(summary, true);
      const followed = followedText(packets, counts.journeys);
      for (const line of [first!, followed, ...ruleDoubts(counts.nftTraces), ...others]) output.talk(line);
    },
  };
}

/** Runs until the end that was asked for; returns the exit code. */
export async function pathCommand(
  args: TraceArguments,
  version: string,
  kallsyms: Promise<Buffer>,
): Promise<number> {
  return journeyCommand(args, version, kallsyms, pathStages, pathView);
}
