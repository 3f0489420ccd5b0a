/** Counters of devices and their queueing disciplines. */
import type { End } from '../world.js';

export interface DeviceCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}

/** `ip -s -j link show`. */
export async function deviceCounts(end: End, direction: 'rx' | 'tx'): Promise<DeviceCounts> {
  const shown = await end.run(['ip', '-s', '-j', 'link', 'show', 'dev', end.device]);
  const [link] = JSON.parse(shown) as { stats64: Record<'rx' | 'tx', DeviceCounts> }[];
  return link!.stats64[direction];
}

interface Qdisc {
  readonly kind: string;
  readonly root?: boolean;
  readonly packets: number;
  readonly drops: number;
}

/** What the root qdisc of a device sent and dropped (`tc -s -j qdisc`). */
export async function qdiscCounts(end: End): Promise<{ readonly sent: number; readonly dropped: number }> {
  const shown = await end.run(['tc', '-s', '-j', 'qdisc', 'show', 'dev', end.device]);
  const root = (JSON.parse(shown) as Qdisc[]).find((qdisc) => qdisc.root);
  if (!root) throw new Error(`${end.device} has no root qdisc`);
  return { sent: root.packets, dropped: root.drops };
}
