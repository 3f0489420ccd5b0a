/** What is measured of one observer under one kind of traffic. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from '../test/support/process.js';
import { type QuietWorld, toolPathOf } from './traffic.js';

/** A program that watches the traffic. `argv` writes what it finds to /dev/null. */
export interface Observer {
  readonly name: string;
  argv(world: QuietWorld): string[];
  /** Text on stderr that says it is ready. */
  readonly ready: string;
  /** Packets or events it counted as lost, from what it says at the end; null: it does not say. */
  lost(stderr: string): number | null;
}

export interface Measurement {
  readonly packetsPerSecond: number;
  readonly lost: number | null;
  /** CPU time of the observer while the traffic ran. */
  readonly cpuSeconds: number;
  readonly peakRssMib: number;
}

const clockTicksPerSecond = 100;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

function peakRssMib(pid: number): number {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** Sends `count` packets from CPU 0 at a rate (0: as fast as it goes); returns packets a second. */
async function send(world: QuietWorld, count: number, rate: number, bytes: number): Promise<number> {
  const sizes = ['--size', String(bytes), '--count', String(count), '--rate', String(rate)];
  const report = await world.a.run(
    ['taskset', '-c', '0', toolPathOf('udp_flood'), '--to', world.b.ipv4, ...sizes],
    { timeoutMs: 60_000 },
  );
  const { sent, seconds } = JSON.parse(report) as { sent: number; seconds: number };
  return sent / seconds;
}

/** The traffic alone. */
export async function measureAlone(
  world: QuietWorld,
  count: number,
  rate: number,
  bytes: number,
): Promise<number> {
  return send(world, count, rate, bytes);
}

/** The same traffic with an observer on CPU 1. */
export async function measure(
  world: QuietWorld,
  observer: Observer,
  count: number,
  rate: number,
  bytes: number,
): Promise<Measurement> {
  const child = new Child(['taskset', '-c', '1', ...observer.argv(world)]);
  await child.until(() => child.stderr.includes(observer.ready), 'start of the observer');
  await sleep(300);
  const before = cpuSeconds(child.pid);
  const packetsPerSecond = await send(world, count, rate, bytes);
  await sleep(500);
  const used = cpuSeconds(child.pid) - before;
  const peak = peakRssMib(child.pid);
  await child.stop('SIGINT', 30_000);
  return { packetsPerSecond, lost: observer.lost(child.stderr), cpuSeconds: used, peakRssMib: peak };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median with [lowest..highest]. */
export const spread = (values: readonly number[], digits: number): string =>
  `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)}]`;
