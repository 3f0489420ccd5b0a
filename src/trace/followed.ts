/**
 * Which events are of packets that matched before: the kernel follows addresses, and those are used again. Content and
 * order of stages tell packets apart, as in `path`.
 */
import { Tracker } from '../journey/tracker.js';
import type { TapEvent } from './event.js';

export class FollowedPackets {
  /** Numbers of packets that matched and have not ended. */
  private readonly wanted = new Set<number>();
  private readonly tracker = new Tracker({
    isWanted: () => false,
    onClosed: ({ packet }) => this.wanted.delete(packet),
    keepSteps: false,
  });

  /** Takes every event, in order; true for those of a packet that matches here or matched before. */
  takes(event: TapEvent, isMatch: boolean): boolean {
    const packet = this.tracker.take(event);
    if (packet === 0) return isMatch;
    if (isMatch) this.wanted.add(packet);
    return this.wanted.has(packet);
  }
}
