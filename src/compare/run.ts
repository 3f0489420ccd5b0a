/** One run whose packets are compared, from its header to the result. */
import type { FollowCounts, FollowRequest } from '../journey/follower.js';
import type { Journey } from '../journey/journey.js';
import { UnreachedChains } from '../netfilter/unreached.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceOptions } from '../trace/options.js';
import type { TraceHeader, TraceSummary } from '../trace/trace.js';
import { Comparison } from './comparison.js';
import { type ComparisonResult, comparisonResult } from './result.js';

/** Changes of rulesets that are told again at the end. */
const gapsMax = 100;

/** Whether only some packets are looked at. */
export function isFiltered(
  { filter, recordedFilter, narrower }: Omit<FollowRequest, 'interfaces'>,
  { selection }: Pick<TraceOptions, 'selection'>,
): boolean {
  return [filter, recordedFilter, narrower, selection].some((one) => one !== undefined);
}

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

export class ComparisonRun {
  private comparison!: Comparison;
  private readonly gaps: HookGap[] = [];
  private chains = new UnreachedChains();

  constructor(
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

  journey(journey: Journey): void {
    this.comparison.journey(journey);
  }

  /** So far. */
  get packets(): number {
    return this.comparison.packets;
  }

  get droppedPackets(): number {
    return this.comparison.droppedPackets;
  }

  /** Everything that was seen, once the run is over. */
  result({ ledger, counted }: TraceSummary, counts: FollowCounts): ComparisonResult {
    // A driver counts all frames, whatever is asked for.
    if (!this.isFiltered) this.comparison.xdp.counted(counted);
    const gaps = this.gaps.map(({ netnsInum, text }) => ({ netns: netnsInum, text }));
    return comparisonResult(this.comparison, { ledger, ...counts, gaps });
  }
}
