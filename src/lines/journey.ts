/** One packet's whole way: the line `journey` of NDJSON. */
import type { Change, ChangeField } from '../explain/changes.js';
import type { Truth } from '../explain/truths.js';
import type { CloseReason, Relation } from '../journey/journey.js';
import type { BaseChain } from '../netfilter/types.js';
import type { Death } from '../stages/death.js';
import type { StageId } from '../stages/types.js';
import type { EventLine } from './event.js';

/** The end of one sk_buff. */
export interface EndFacts {
  readonly stage: StageId;
  /** Index among the journey's events. */
  readonly at: number;
  /** Why it was dropped, in the kernel's word. */
  readonly reason?: string | undefined;
  /** The function that freed it. */
  readonly location?: string | undefined;
  readonly diedIn?: Death | undefined;
  /** The chain that dropped it, or those that cannot be told apart. */
  readonly chains?: readonly BaseChain[];
}

/** One sk_buff of the packet. */
export interface BranchFacts {
  readonly kind: 'packet' | 'tap-clone' | 'clone' | 'copy';
  /** Index of the branch it was made from. */
  readonly from?: number | undefined;
  /** Absent where no end was seen. */
  readonly end?: EndFacts | undefined;
}

/** How the packet itself ended. */
export interface JourneyEnd extends Partial<EndFacts> {
  readonly closed: CloseReason;
}

/** One packet from its first event to its end. */
export interface JourneyLine {
  readonly type: 'journey';
  /** Counts packets from 1. */
  readonly packet: number;
  readonly events: readonly EventLine[];
  /** What changed about it from one event to the next. */
  readonly changes: readonly Change[];
  /** What explains it, in sentences. */
  readonly truths: readonly Truth[];
  readonly branches: readonly BranchFacts[];
  /** Packets it was made from. */
  readonly parents: readonly Relation[];
  /** Packets made from it. */
  readonly children: readonly Relation[];
  readonly end: JourneyEnd;
}

export type { Change, ChangeField, CloseReason, Relation, Truth };
