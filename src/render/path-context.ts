/** What a run's header says that explanations need. */
import type { AttachPlan } from '../attach/plan.js';
import type { StageId } from '../stages/types.js';

/** Stages whose events are there to see; what is only inferred is not among them. */
export function watchedStages({ attachments }: Pick<AttachPlan, 'attachments'>): Set<StageId> {
  return new Set(attachments.map(({ stage }) => stage));
}
