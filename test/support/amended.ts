/**
 * A function that runs for longer than events are held back, as happens in an emulated machine, has its answer told in
 * an event of its own: puts it where it belongs. Throws where there is no event that it could be about.
 */
import type { TraceEvent } from './tracer.js';

export function withAnswers(events: readonly TraceEvent[]): TraceEvent[] {
  const packets: TraceEvent[] = [];
  for (const event of events) {
    if (!event.amends) {
      packets.push(event);
      continue;
    }
    const { stage, skb, verdict, result, takenBytes } = event;
    const at = packets.findLastIndex((one) => one.stage === stage && one.skb === skb);
    if (at < 0) throw new Error(`an answer about no packet: ${JSON.stringify(event)}`);
    const answer = {
      ...(verdict !== undefined && { verdict }),
      ...(result !== undefined && { result }),
      ...(takenBytes !== undefined && { takenBytes }),
    };
    packets[at] = { ...packets[at]!, ...answer };
  }
  return packets;
}
