/** What begins, interrupts and ends every run in NDJSON. */

import type { RuleCounts } from '../journey/rule-matcher.js';
import type { TrackerCounts } from '../journey/tracker.js';
import type { BaseChain } from '../netfilter/types.js';
import type { StageWatch } from '../stages/report.js';
import type { Mechanism, StageId } from '../stages/types.js';
import type { Holder } from '../system/packet-sockets.js';
import type { XdpCounts } from '../system/xdp-counts.js';
import type { FilterPlace } from '../trace/filter-place.js';
import type { StageLoss } from '../trace/ledger.js';
import type { PacketSelection } from '../trace/packet-selection.js';
import type { KeptCapability } from '../trace/rights.js';
import type { EndReason } from '../trace/trace.js';
import type { CountedXdp, XdpProgram } from '../trace/xdp-keeper.js';

/** A device that is watched. */
export interface InterfaceFacts {
  /** Inode number of its namespace. */
  readonly netns: number;
  /** Absent for the namespace the program runs in. */
  readonly netnsName?: string;
  readonly ifindex: number;
  readonly ifname: string;
  /** Driver kind, such as veth; absent for hardware and lo. */
  readonly kind?: string;
  readonly mtu: number;
  /** A generic XDP program runs here, after the function's entry and before the taps. */
  readonly genericXdp: boolean;
  /** Somebody taps it, or we do. */
  readonly armed: boolean;
  /** Others that tap it: processes, or sockets whose process is not known. */
  readonly armedBy: readonly (Holder | { readonly inode: number })[];
}

/** Which packets were asked for, beside the filter; a mark as hexadecimal numbers. */
export interface SelectionFacts extends Omit<PacketSelection, 'mark'> {
  readonly mark?: { readonly value: string; readonly mask: string };
}

/** The first line of a run: what is watched, and how. */
export interface HeaderLine {
  readonly type: 'header';
  /** Version of these lines: keys are only ever added to it. */
  readonly schema: 1;
  /** Version of taptrace. */
  readonly taptrace: string;
  /** Release of the kernel. */
  readonly kernel: string;
  /** The clock of `tsNs`. */
  readonly clock: 'CLOCK_BOOTTIME';
  /** Nanoseconds to add to `tsNs` for the time since the epoch. */
  readonly wallOffsetNs: string;
  /** Bytes kept of each packet. */
  readonly snaplen: number;
  readonly filter?: string;
  /** Where the filter decides. */
  readonly filterRuns?: FilterPlace | Readonly<Partial<Record<StageId, FilterPlace>>>;
  /** What else chooses packets, as it was understood. */
  readonly selection?: SelectionFacts;
  /** Packets that match are followed from then on. */
  readonly follow?: true;
  /** And shown from their first event on. */
  readonly lookBack?: boolean;
  readonly arm: boolean;
  readonly interfaces: readonly InterfaceFacts[];
  /** Mechanisms by stage. */
  readonly plan: Readonly<Partial<Record<StageId, Mechanism>>>;
  readonly watches: readonly StageWatch[];
  readonly attachments: readonly {
    readonly attachId: number;
    readonly stage: StageId;
    readonly mechanism: Mechanism;
    readonly observed: boolean;
    readonly function: string;
    readonly target: string;
  }[];
  /** Base chains of the namespaces, where links of ours watch netfilter hooks. */
  readonly hooks?: readonly { readonly netns: number; readonly chains: readonly BaseChain[] }[];
  /** What cannot be seen, or not as a tap sees it, in sentences. */
  readonly notes: readonly string[];
  /** Absent where they stay as they are. */
  readonly capabilities?: {
    readonly kept: readonly KeptCapability[];
    readonly dropped: boolean;
    readonly failure?: string;
  };
}

/** Between events: until `tsNs` chains of this namespace may have been named as they were before. */
export interface GapLine {
  readonly type: 'gap';
  readonly tsNs: string;
  readonly fromTsNs: string;
  readonly netns: number;
  readonly text: string;
}

/** A stage that was asked for and could not be watched. */
export type NotWatched = Pick<StageWatch, 'stage' | 'reason'>;

/** The last line of a run. */
export interface SummaryLine {
  readonly type: 'summary';
  readonly events: number;
  /** Absent where packets are not told apart. */
  readonly packets?: number;
  /** Events lost: ring buffers without room, programs the kernel skipped (null: it does not count them), not shown. */
  readonly lost: { readonly ring: number; readonly recursion: number | null; readonly user: number };
  readonly lostByStage: Readonly<Partial<Record<StageId, Readonly<StageLoss>>>>;
  readonly complete: boolean | 'unknown';
  /** Why it ended. */
  readonly reason: EndReason;
  readonly filteredOut: number;
  /** Events whose bytes ended before the filter could decide. */
  readonly undecided: number;
  /** Events that came after later ones had been given out. */
  readonly late: number;
  /** Times that a followed packet was let go, since the kernel's table of them was full. */
  readonly forgotten?: number;
  readonly seconds: number;
  readonly ringHighWater: { readonly bytes: number; readonly ofBytes: number };
  readonly notWatched: readonly NotWatched[];
  /** What was counted, but made no events. */
  readonly counted?: readonly CountedXdp[];
  /** Where packets are followed: how their journeys ended. */
  readonly journeys?: TrackerCounts;
  /** What came of nft's tracing; absent where it told nothing. */
  readonly nftTraces?: RuleCounts;
}

export type {
  CountedXdp,
  EndReason,
  FilterPlace,
  KeptCapability,
  RuleCounts,
  StageLoss,
  StageWatch,
  TrackerCounts,
  XdpCounts,
  XdpProgram,
};
