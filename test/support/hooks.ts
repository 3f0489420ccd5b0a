/** What a trace of netfilter hooks tells of each packet: which links it passed, and where it stopped. */
import type { TraceEvent } from './tracer.js';

/** The lowest and highest priority that a link may have. */
export const firstPriority = -(2 ** 31) + 1;
export const lastPriority = 2 ** 31 - 2;

/** The events of each packet at one stage. A packet is told from others by its bytes there. */
function packetsAt(events: readonly TraceEvent[], stage: string): TraceEvent[][] {
  const packets = new Map<string, TraceEvent[]>();
  for (const event of events) {
    if (event.stage !== stage) continue;
    const key = `${event.netns} ${event.data}`;
    packets.set(key, [...(packets.get(key) ?? []), event]);
  }
  return [...packets.values()];
}

/** The priorities of the links that each datagram to a port passed at a stage, one list a datagram. */
export function passedBy(events: readonly TraceEvent[], stage: string, port: number): number[][] {
  const ofPort = events.filter(({ dport }) => dport === port);
  return packetsAt(ofPort, stage).map((passed) => passed.map(({ hook }) => hook!.priority));
}

/** The chains in front of the last link that each packet passed, by how many packets stopped there. */
export function stoppedAt(events: readonly TraceEvent[], stage: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const passed of packetsAt(events, stage)) {
    const { position, of, ahead } = passed.at(-1)!.hook!;
    const chains = ahead.map(
      ({ family, table, chain, priority }) => `${family} ${table}/${chain} ${priority}`,
    );
    const place = position === of - 1 ? 'passed' : chains.join(', ');
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}

/** The same list for so many packets. */
export const each = (count: number, priorities: readonly number[]): number[][] =>
  Array.from({ length: count }, () => [...priorities]);
