/** Header and summary as NDJSON values. */
import { armsDevices } from '../attach/plan.js';
import type { GapLine, HeaderLine, SelectionFacts, SummaryLine } from '../lines/run.js';
import type { Holder } from '../system/packet-sockets.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import { choosesPackets } from '../trace/options.js';
import type { PacketSelection } from '../trace/packet-selection.js';
import type { TraceHeader, TraceSummary } from '../trace/trace.js';
import { printable } from './printable.js';

export const schemaVersion = 1;

const hexMark = (value: number): string => `0x${value.toString(16)}`;

/** What was asked for, as it was understood. */
function selectionJson({ mark, ...others }: PacketSelection): SelectionFacts {
  return { ...(mark && { mark: { value: hexMark(mark.value), mask: hexMark(mark.mask) } }), ...others };
}

/** The first line of every trace. */
export function headerJson(header: TraceHeader, version: string): HeaderLine {
  const { plan, options, features, armed, notes, names, rights } = header;
  return {
    type: 'header',
    schema: schemaVersion,
    taptrace: version,
    kernel: features.release,
    clock: 'CLOCK_BOOTTIME',
    wallOffsetNs: String(names.wallOffsetNs),
    snaplen: options.snaplen,
    ...(options.filter !== undefined && { filter: options.filter }),
    ...(header.filterRuns !== undefined && { filterRuns: header.filterRuns }),
    ...(options.selection && { selection: selectionJson(options.selection) }),
    ...(options.follow && choosesPackets(options) && { follow: true, lookBack: options.lookBack === true }),
    arm: options.arm,
    interfaces: armed.map(({ device: { netns, link }, by }) => ({
      netns: netns.inum,
      ...(netns.path !== null && { netnsName: printable(netns.name) }),
      ifindex: link.ifindex,
      ifname: printable(link.name),
      ...(link.kind !== undefined && { kind: link.kind }),
      mtu: link.mtu,
      genericXdp: link.genericXdp,
      armed: by.length > 0 || armsDevices(plan),
      armedBy: by.flatMap<Holder | { inode: number }>(({ owners, inode }) =>
        owners.length ? [...owners] : [{ inode }],
      ),
    })),
    plan: Object.fromEntries(plan.watches.flatMap((w) => (w.mechanism ? [[w.stage, w.mechanism]] : []))),
    watches: plan.watches,
    attachments: plan.attachments.map(({ attachId, stage, mechanism, observed, function: name, target }) => ({
      attachId,
      stage,
      mechanism,
      observed,
      function: name,
      target,
    })),
    ...(header.hooks && {
      hooks: header.hooks.map(({ netns, chains }) => ({ netns: netns.inum, chains })),
    }),
    notes,
    ...(rights && {
      capabilities: {
        kept: rights.kept,
        dropped: rights.failure === undefined,
        ...(rights.failure !== undefined && { failure: rights.failure }),
      },
    }),
  };
}

/** A line between events: until then chains of this namespace may have been named as they were before. */
export function gapJson({ netnsInum, fromNs, toNs, text }: HookGap): GapLine {
  return { type: 'gap', tsNs: String(toNs), fromTsNs: String(fromNs), netns: netnsInum, text };
}

/** The last line of every trace; `packets` where they are told apart. */
export function summaryJson(summary: TraceSummary, packets?: number): SummaryLine {
  const {
    ledger,
    reason,
    events,
    filteredOut,
    undecided,
    late,
    forgotten,
    seconds,
    ringHighWater,
    notWatched,
    counted,
  } = summary;
  return {
    type: 'summary',
    events,
    ...(packets !== undefined && { packets }),
    lost: ledger.lost,
    lostByStage: ledger.lostByStage,
    complete: ledger.complete,
    reason,
    filteredOut,
    undecided,
    late,
    ...(forgotten > 0 && { forgotten }),
    seconds,
    ringHighWater,
    notWatched,
    ...(counted.length > 0 && { counted: counted.map((one) => ({ ...one, ifname: printable(one.ifname) })) }),
  };
}
