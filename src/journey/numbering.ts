/** Whether events can be given the numbers of their packets. */
import type { AttachPlan } from '../attach/plan.js';

/** Only the end of a packet makes its number safe. */
export function numbersPackets({ attachments }: Pick<AttachPlan, 'attachments'>): boolean {
  const watched = new Set(attachments.map(({ stage }) => stage));
  return watched.has('drop') && watched.has('consume');
}
