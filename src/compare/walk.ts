/** How far one sk_buff of a packet has come: what the next event is held against. */
import type { RecordView } from '../decode/record.js';
import type { RuleHit } from '../netfilter/rule-trace.js';
import type { StageId } from '../stages/types.js';
import type { Flow } from './flow.js';
import type { Translation } from './groups.js';
import type { Row } from './place.js';

/** Who went through the hook: one run through its chains is one task's, or one softirq's. */
export interface Runner {
  readonly isProcess: boolean;
  readonly tid: number;
}

/** A run through the base chains of one hook. */
export class Pass {
  /** The last bracket passed and how many there are; 0 of 0 where the hook is all that is known. */
  index = 0;
  count = 0;
  /** The chains between that bracket and the next one. */
  chains: Row | undefined;
  atNs = 0;
  /** What nft told of the chains between that bracket and the next one: the last decision. */
  decision: RuleHit | undefined;
  runner: Runner | undefined;
  /** What its hook has counted it for. */
  wasRewritten = false;
  wasMarked = false;

  constructor(readonly hook: Row) {}
}

/** Adds one to chains and to the hook that they are in. */
export function countIn(
  place: Row,
  { hook }: Pass,
  what: 'rewritten' | 'marked' | 'queued' | 'stolenOrQueued',
): void {
  place[what] += 1;
  if (place !== hook) hook[what] += 1;
}

/** A packet at a tap. */
export interface Sight {
  readonly row: Row;
  readonly atNs: number;
  readonly bytes: number;
  readonly isUnarmed: boolean;
}

/** A change of address that waits for the next place, so that it can be told what that saw. */
export interface Rewrite {
  readonly place: Row;
  readonly tap: Row | undefined;
  readonly entered: StageId | undefined;
  readonly translations: readonly Translation[];
}

const CONTEXT_PROCESS = 0;

export function runnerOf(record: RecordView): Runner | undefined {
  if (!record.has('context') || !record.has('task')) return undefined;
  return { isProcess: record.context === CONTEXT_PROCESS, tid: record.tid };
}

/**
 * Whether the packet came back into the hook from a queue: its reader gives the verdict, and goes on with the packet
 * itself, in process context (net/netfilter/nfnetlink_queue.c, nfqnl_recv_verdict).
 */
export function cameBack(before: Runner | undefined, after: Runner | undefined): boolean {
  if (!before || !after?.isProcess) return false;
  return !before.isProcess || before.tid !== after.tid;
}

export class Walk {
  tap: Sight | undefined;
  /** The row of the last event. */
  last: Row | undefined;
  /** The hook it is in, or came out of last. */
  pass: Pass | undefined;
  /** Of the last event with an IP header. */
  flow: Flow | undefined;
  mark: number | undefined;
  entered: StageId | undefined;
  /** tc ingress said so, since that tap. */
  isRedirected = false;
  rewrite: Rewrite | undefined;
  isEnded = false;
  /** By an XDP program: not handed on, whoever frees it. */
  isTaken = false;

  /** A copy that goes its own way. */
  fork(): Walk {
    const copy = new Walk();
    Object.assign(copy, this, { isEnded: false });
    if (this.pass) copy.pass = Object.assign(new Pass(this.pass.hook), this.pass);
    // What waits is told once, by the branch that it was seen in.
    copy.rewrite = undefined;
    return copy;
  }

  /** The pass that the last event was in, while chains of it are still ahead. */
  get midHook(): Pass | undefined {
    const { pass, last } = this;
    return pass && pass.hook === last && pass.index < pass.count - 1 ? pass : undefined;
  }

  /** The same, or a hook of which no more is known than that the last event was in it. */
  get openPass(): Pass | undefined {
    const { pass, last } = this;
    return this.midHook ?? (pass?.count === 0 && pass.hook === last ? pass : undefined);
  }
}
