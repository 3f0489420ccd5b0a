/** `taptrace compare`: the taps beside the netfilter hooks. */
import { Comparison } from '../compare/comparison.js';
import { comparisonResult } from '../compare/result.js';
import type { Journey } from '../journey/journey.js';
import { UnreachedChains } from '../netfilter/unreached.js';
import { comparisonJson } from '../render/compare-json.js';
import { comparisonLines, progressText } from '../render/compare-text.js';
import { summaryLines } from '../render/trace-text.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceHeader, TraceSummary } from '../trace/trace.js';
import { journeyCommand } from './journey-command.js';
import { compareStages, type JourneyOptions } from './journey-options.js';
import { JourneySink, type JourneyView } from './journey-sink.js';
import type { View } from './live.js';
import type { Output } from './output.js';
import type { TraceArguments } from './trace-options.js';

/** The numbers as they grow, not more often than the eye follows. */
const progressMs = 200;

/** Changes of rulesets that are told again at the end. */
const gapsMax = 100;

const bridges = /^(bridge|openvswitch)$/;

/** Ports of one bridge. */
function areBridged(
  devices: TraceHeader['devices'],
  inum: number,
  ports: readonly [number, number],
): boolean {
  const [one, other] = ports.map((port) => devices.find(inum, port)?.link.master);
  if (one === undefined || one !== other) return false;
  return bridges.test(devices.find(inum, one)?.link.kind ?? '');
}

class ComparisonView implements JourneyView {
  private comparison!: Comparison;
  private toldAt = 0;
  private readonly gaps: HookGap[] = [];
  private chains = new UnreachedChains();

  constructor(
    private readonly output: Output,
    /** Only some packets are looked at. */
    private readonly isFiltered: boolean,
  ) {}

  header({ names, devices, hooks, xdp }: TraceHeader): void {
    this.chains = new UnreachedChains(hooks);
    this.comparison = new Comparison({
      deviceLabel: (inum, ifindex) => names.deviceLabel(inum, ifindex),
      dropReason: (value) => names.dropReason(value),
      symbol: (address) => names.symbol(address),
      death: (record) => names.death(record),
      deviceName: (inum, ifindex) => names.deviceName(inum, ifindex),
      onlyChain: (...where) => this.chains.only(...where),
      areBridged: (inum, ...ports) => areBridged(devices, inum, ports),
      xdpProgram: (inum, ifindex) => xdp.programAt(inum, ifindex),
      netnsName: (inum) => devices.netns.find((netns) => netns.inum === inum)?.name,
    });
  }

  gap(gap: HookGap): void {
    this.chains.forget(gap.netnsInum);
    if (this.gaps.length < gapsMax) this.gaps.push(gap);
  }

  waiting(): string {
    return progressText(0, 0);
  }

  journey(journey: Journey): string {
    const { comparison } = this;
    comparison.journey(journey);
    const now = performance.now();
    if (now - this.toldAt > progressMs) {
      this.toldAt = now;
      this.output.progress(progressText(comparison.packets, comparison.droppedPackets));
    }
    return '';
  }

  /** Everything that was seen, once the run is over. */
  result({ ledger, counted }: TraceSummary, journeys: JourneySink['tracker']['counts']) {
    this.output.progress('');
    // A driver counts all frames, whatever is asked for.
    if (!this.isFiltered) this.comparison.xdp.counted(counted);
    const gaps = this.gaps.map(({ netnsInum, text }) => ({ netns: netnsInum, text }));
    return comparisonResult(this.comparison, { ledger, journeys, gaps });
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
  const { filter, recordedFilter, narrower, options } = asked;
  const questions = [filter, recordedFilter, narrower, options.selection];
  const view = new ComparisonView(
    output,
    questions.some((one) => one !== undefined),
  );
  const sink = new JourneySink(output, view, asked, {
    ...{ json: false, version, debug: Boolean(args.debug), onEnough },
  });
  return {
    sink,
    summary: (summary) => {
      const result = view.result(summary, sink.tracker.counts);
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
