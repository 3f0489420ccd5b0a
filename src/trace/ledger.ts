/** The loss ledger: where events were lost, so that every trace ends by saying complete or what is missing. */
import type { Attachment } from '../attach/plan.js';
import type { AttachmentCounts } from '../attach/session.js';
import type { StageId } from '../stages/types.js';

export interface StageLoss {
  ring: number;
  /** Null where the kernel does not count them. */
  recursion: number | null;
}

/** What one attachment lost since the trace began. */
export interface AttachmentLoss {
  readonly attachId: number;
  readonly ring: number;
  /** Null where the kernel does not count them. */
  readonly recursion: number | null;
}

export interface Ledger {
  readonly lost: { ring: number; recursion: number | null; user: number };
  readonly lostByStage: Readonly<Partial<Record<StageId, StageLoss>>>;
  /** `unknown` where a kind of loss cannot be counted here and no other was seen. */
  readonly complete: boolean | 'unknown';
}

const add = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

/** What the kernel counted of each attachment. */
export function attachmentLosses(
  attachments: readonly Attachment[],
  countsOf: (attachment: Attachment) => AttachmentCounts,
): AttachmentLoss[] {
  return attachments.map((attachment) => {
    const { lostRing, recursionMisses } = countsOf(attachment);
    return { attachId: attachment.attachId, ring: lostRing, recursion: recursionMisses };
  });
}

/** `user`: events that were read from the rings and not shown. */
export function makeLedger(
  attachments: readonly Attachment[],
  losses: readonly AttachmentLoss[],
  user: number,
): Ledger {
  const lostByStage: Partial<Record<StageId, StageLoss>> = {};
  const lost = { ring: 0, recursion: 0 as number | null, user };
  for (const { attachId, ring, recursion } of losses) {
    const { stage: id } = attachments[attachId]!;
    const stage = lostByStage[id] ?? { ring: 0, recursion: 0 };
    lostByStage[id] = stage;
    stage.ring += ring;
    stage.recursion = add(stage.recursion, recursion);
    lost.ring += ring;
    lost.recursion = add(lost.recursion, recursion);
  }
  const known = lost.ring + (lost.recursion ?? 0) + lost.user;
  return { lost, lostByStage, complete: known > 0 ? false : lost.recursion === null ? 'unknown' : true };
}

export function lostEvents({ lost }: Ledger): number {
  return lost.ring + (lost.recursion ?? 0) + lost.user;
}
