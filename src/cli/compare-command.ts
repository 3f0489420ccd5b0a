/** `taptrace compare`: the taps beside the netfilter hooks. */
import { ComparisonRun, isFiltered } from '../compare/run.js';
import type { Journey } from '../journey/journey.js';
import { comparisonJson } from '../render/compare-json.js';
import { comparisonLines, progressText } from '../render/compare-text.js';
import { summaryLines } from '../render/trace-text.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceHeader } from '../trace/trace.js';
import { journeyCommand } from './journey-command.js';
import { compareStages, type JourneyOptions } from './journey-options.js';
import { JourneySink, type JourneyView } from './journey-sink.js';
import type { View } from './live.js';
import type { Output } from './output.js';
import type { TraceArguments } from './trace-options.js';

/** The numbers as they grow, not more often than the eye follows. */
const progressMs = 200;

class ComparisonView implements JourneyView {
  private toldAt = 0;

  constructor(
    private readonly output: Output,
    private readonly run: ComparisonRun,
  ) {}

  header(header: TraceHeader): void {
    this.run.header(header);
  }

  gap(gap: HookGap): void {
    this.run.gap(gap);
  }

  waiting(): string {
    return progressText(0, 0);
  }

  journey(journey: Journey): string {
    const { run } = this;
    run.journey(journey);
    const now = performance.now();
    if (now - this.toldAt > progressMs) {
      this.toldAt = now;
      this.output.progress(progressText(run.packets, run.droppedPackets));
    }
    return '';
  }
}

/** What the taps and the hooks saw, once the run is over. */
export function compareView(
  args: TraceArguments,
  version: string,
  output: Output,
  asked: JourneyOptions,
  onEnough: () => void,
): View {
  const run = new ComparisonRun(isFiltered(asked, asked.options));
  const sink = new JourneySink(output, new ComparisonView(output, run), asked, {
    ...{ json: false, version, debug: Boolean(args.debug), onEnough },
  });
  return {
    sink,
    summary: (summary) => {
      output.progress('');
      const result = run.result(summary, sink.follower.counts);
      if (args.json) output.data(`${JSON.stringify(comparisonJson(result, summary.notWatched))}\n`);
      else output.data(`${comparisonLines(result, output.width).join('\n')}\n`);
      for (const line of summaryLines(summary, true)) output.talk(line);
    },
  };
}

/** Runs until the end that was asked for, then prints what the taps and the hooks saw; returns the exit code. */
export async function compareCommand(
  args: TraceArguments,
  version: string,
  kallsyms: Promise<Buffer>,
): Promise<number> {
  return journeyCommand(args, version, kallsyms, compareStages, compareView);
}
