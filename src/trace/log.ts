/** What a recording is told while a trace runs, in the order in which it happens. */
import type { NativeSession } from '../native/binding.js';
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

/** What came of reading a ring. */
export interface RingRead {
  readonly bytes: number;
  /** A drainEnd value. */
  readonly end: number;
  /** Time of the last record, in nanoseconds since the trace began. */
  readonly lastNs: number;
}

/** The rings, as they are read. */
export interface BatchLog {
  /** Records as they were drained, before anything in them is changed. */
  batch(ring: number, records: Uint8Array): void;
  /** Reads a ring itself, where nobody else wants its records. */
  drain(session: NativeSession, ring: number): RingRead;
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
  notice(text: string): void;
  end(summary: TraceSummary, losses: readonly AttachmentLoss[], kernel: KernelCounts): void;
  /** Events it holds. */
  readonly events: number;
  /** Before anything else. */
  connect(trace: LoggedTrace): void;
}
