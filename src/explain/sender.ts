/** Who sent a packet, where that is known. */
import type { StageId } from '../stages/types.js';
import type { Task } from './facts.js';
import type { Scene } from './scene.js';

/** Behind the qdisc whoever happens to run it sends what others have queued. */
const behindQueue: ReadonlySet<StageId> = new Set(['qdisc-dequeue', 'tx-tap', 'start-xmit', 'xmit-done']);

/**
 * The task in whose system call the packet was made: only where the journey begins on the way out and in process
 * context. A softirq runs on the time of whoever it interrupted, who has nothing to do with the packet.
 */
export function senderOf({ steps }: Scene): Task | undefined {
  const first = steps[0];
  if (first?.step.stage.direction !== 'tx' || behindQueue.has(first.step.stage.id)) return undefined;
  return first.task?.inProcess === true ? first.task : undefined;
}
