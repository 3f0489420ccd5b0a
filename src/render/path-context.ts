/** What a run's header says that explanations need. */
import type { AttachPlan } from '../attach/plan.js';
import type { StageId } from '../stages/types.js';
import type { PacketTap } from '../system/packet-sockets.js';
import type { TraceHeader } from '../trace/trace.js';

export function watchedStages({ attachments }: Pick<AttachPlan, 'attachments'>): Set<StageId> {
  return new Set(attachments.map(({ stage }) => stage));
}

const ownerText = ({ owners, inode }: PacketTap): string =>
  owners.map(({ pid, comm }) => `${comm}[${pid}]`).join(', ') || `socket ${inode}`;

/** Who holds the packet sockets that were open when the run began, by inode. */
export function tapOwners(armed: TraceHeader['armed']): Map<string, string> {
  return new Map(armed.flatMap(({ by }) => by).map((tap) => [String(tap.inode), ownerText(tap)]));
}
