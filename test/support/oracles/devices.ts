/** Counters of devices and their queueing disciplines. */
import { setTimeout as sleep } from 'node:timers/promises';
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
  readonly drops: number;
  readonly qlen: number;
}

/** One qdisc of a device: its root, or the one of this kind (`tc -s -j qdisc`). */
async function qdiscOf(end: End, kind?: string): Promise<Qdisc> {
  const shown = await end.run(['tc', '-s', '-j', 'qdisc', 'show', 'dev', end.device]);
  const all = JSON.parse(shown) as Qdisc[];
  const found = all.find((qdisc) => (kind ? qdisc.kind === kind : qdisc.root));
  if (!found) throw new Error(`${end.device} has no qdisc ${kind ?? 'at its root'}`);
  return found;
}

/** Packets that a qdisc dropped: the root's, or those of the filters of `clsact`. */
export async function qdiscDrops(end: End, kind?: string): Promise<number> {
  return (await qdiscOf(end, kind)).drops;
}

/** Waits until the root qdisc has sent what it holds. */
export async function untilQdiscEmpty(end: End): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((await qdiscOf(end)).qlen > 0) {
    if (Date.now() > deadline) throw new Error(`the qdisc of ${end.device} stays full`);
    await sleep(20);
  }
}

/** Packets that mirred actions of a namespace took (`tc -s -j actions`). */
export async function mirredPackets(end: End): Promise<number> {
  const shown = await end.run(['tc', '-s', '-j', 'actions', 'list', 'action', 'mirred']);
  const [, { actions }] = JSON.parse(shown) as [unknown, { actions: { stats: { packets: number } }[] }];
  return actions.reduce((sum, { stats }) => sum + stats.packets, 0);
}

/** One of a driver's own statistics (`ethtool -S`). */
export async function driverStatistic(end: End, name: string): Promise<number> {
  const value = new RegExp(`^\\s*${name}: (\\d+)$`, 'm').exec(
    await end.run(['ethtool', '-S', end.device]),
  )?.[1];
  if (value === undefined) throw new Error(`${end.device} has no statistic ${name}`);
  return Number(value);
}
