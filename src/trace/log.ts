/** What a recording is told while a trace runs, in the order in which it happens. */
import type { NativeSession } from '../native/binding.js';
import type { RuleTraces } from '../netfilter/rule-trace.js';
import type { HookPosition } from '../netfilter/types.js';
import type { AttachmentLoss } from './ledger.js';
import type { ClockBase, NameSource } from './names.js';
import type { HookGap } from './netfilter-keeper.js';
import type { SocketSource } from './socket-takes.js';
import type { TraceHeader, TraceSummary } from './trace.js';
import type { XdpProgram } from './xdp-keeper.js';

/** Which link of ours stands where from now on. */
export interface HookPlacement {
  readonly netnsInum: number;
  /** NFPROTO_*. */
  readonly family: number;
  /** NF_INET_*. */
  readonly hook: number;
  readonly slot: number;
  /** CLOCK_BOOTTIME in ns, as HookSpans has it. */
  readonly from: number;
  readonly position: HookPosition;
}

/** What came of choosing packets in the kernel. */
export interface KernelCounts {
  readonly filtered: number;
  readonly undecided: number;
  /** Times that a followed packet was let go before its end. */
  readonly forgotten: number;
}

/** What is known once a trace is attached. */
export interface Beginning {
  readonly header: TraceHeader;
  readonly clock: ClockBase;
  readonly rings: number;
  readonly source: NameSource;
  /** Absent where no delivery is watched, or none can be asked. */
  readonly sockets?: SocketSource;
}

export interface ReaderOptions {
  /** How far behind the clock rings are complete. */
  readonly behindNs: number;
  /** A round that read fewer bytes than this is followed by a longer rest. */
  readonly lazyBelowBytes: number;
}

/** Somebody who reads the rings while a trace runs. */
export interface RingReader {
  start(): void;
  /** Ends the reading at once; what is still in the rings is left there. */
  halt(): void;
  /** After halt(), once the programs are detached: reads everything that is left. */
  finish(): void;
  /** What happened before this time of CLOCK_BOOTTIME has been given out. */
  readonly givenOutUntilNs: bigint;
  /** Bytes in a ring, the most that was seen when it was read. */
  readonly highWaterBytes: number;
}

/** The rings, as they are read. */
export interface BatchLog {
  /** Records as they were drained, before anything in them is changed. Returns the time of the last one, as round() has it. */
  batch(ring: number, records: Uint8Array): number;
  /** Every ring has been read up to this time, in nanoseconds since the trace began; Infinity: to its end. */
  round(untilNs: number): void;
}

/** What a log asks of the trace, and tells it. */
export interface LoggedTrace {
  /** What was lost so far; asked where numbers of records are missing. */
  losses(): AttachmentLoss[];
  /** Nobody reads it any more. */
  closed(): void;
  /** It has all that was asked for. */
  enough(): void;
  /** It cannot be written any more. */
  failed(error: Error): void;
}

/** Nothing here throws. */
export interface TraceLog extends BatchLog {
  begin(beginning: Beginning): void;
  /** What happened before this time of CLOCK_BOOTTIME has been given out. */
  passed(bootNs: bigint): void;
  hookPlaced(placement: HookPlacement): void;
  /** Undefined: the device has none any more. */
  xdpProgram(netnsInum: number, ifindex: number, program: XdpProgram | undefined): void;
  gap(gap: HookGap): void;
  ruleTraces(traces: RuleTraces): void;
  notice(text: string): void;
  end(summary: TraceSummary, losses: readonly AttachmentLoss[], kernel: KernelCounts): void;
  /** Reads the rings itself, where nobody else wants their records; undefined: it cannot. */
  reader(session: NativeSession, how: ReaderOptions): RingReader | undefined;
  /** Events it holds. */
  readonly events: number;
  /** Before anything else. */
  connect(trace: LoggedTrace): void;
}
