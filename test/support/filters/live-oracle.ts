/** Live tcpdumps as the oracle of filters: many expressions at once over the same frames, received through a veth pair. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toHex } from '../bytes.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp, withVlanTag } from '../frames.js';
import { type PcapPacket, readPcap } from '../pcap.js';
import type { Child } from '../process.js';
import type { End, World } from '../world.js';
import type { Frame } from './frames.js';
import { macs } from './link.js';

const SNAPLEN = 256;
/** For frames of SNAPLEN bytes, each in a slot of its own: more than the corpus has. */
const BUFFER_KIB = 1024;
/** Doubled for each attempt. */
const SETTLE_MS = 100;
const ATTEMPTS = 4;
/** tcpdumps that run at the same time. */
export const TOGETHER = 32;

interface Watcher {
  readonly child: Child;
  readonly path: string;
}

/**
 * Sent first and last, and count for nothing. libpcap runs its own filter over the first packet that a new filter in the
 * kernel lets through, and that knows no ancillary data (`inbound`): the packet is lost. The last one may be the one
 * that a tcpdump that is stopped has not read.
 */
const plain = ethernetFrame(
  macs,
  ETHERTYPE.ipv4,
  ipv4Udp({ src: '192.0.2.77', dst: '192.0.2.78', sport: 53, dport: 53 }, new Uint8Array(77)),
);
const BOOKENDS: readonly Uint8Array[] = [plain, withVlanTag(plain, ETHERTYPE.vlan, 10)];

/** What tells one frame of the corpus from all others. */
const keyOf = (bytes: Uint8Array, len: number): string => `${len} ${toHex(bytes.subarray(0, SNAPLEN))}`;

async function watch(end: End, path: string, expression: string): Promise<Watcher> {
  const child = end.spawn([
    ...['tcpdump', '-i', end.device, '-w', path, '-s', String(SNAPLEN), '-B', String(BUFFER_KIB)],
    ...['--immediate-mode', '-U', '-n', '-p', '-Z', 'root', '--', expression],
  ]);
  await child.until(() => child.stderr.includes('listening on'), 'capture start');
  return { child, path };
}

const written = (watchers: readonly Watcher[]): number =>
  watchers.reduce((sum, { path }) => sum + (existsSync(path) ? statSync(path).size : 0), 0);

/** Until nobody has written anything for a while. */
async function settled(watchers: readonly Watcher[], quietMs: number): Promise<void> {
  for (let before = -1, now = written(watchers); now !== before; now = written(watchers)) {
    before = now;
    await sleep(quietMs);
  }
}

/** What one expression lets through. */
export interface LiveAnswer {
  /** Names of frames. */
  readonly frames: ReadonlySet<string>;
  /** The kernel did not take the program, so libpcap filters what the socket is handed. */
  readonly refusedByKernel: boolean;
}

interface Capture {
  readonly packets: readonly PcapPacket[];
  readonly refusedByKernel: boolean;
  /** False where tcpdump was stopped before it had read all that its socket was handed: it is no oracle. */
  readonly readAll: boolean;
}

async function stop({ child, path }: Watcher): Promise<Capture> {
  const { code } = await child.stop('SIGINT');
  const { stderr } = child;
  const [captured, received, dropped] = ['captured', 'received by filter', 'dropped by kernel'].map(
    (what) => new RegExp(`^(\\d+) packets? ${what}`, 'm').exec(stderr)?.[1],
  );
  if (code !== 0 || dropped !== '0') throw new Error(`tcpdump exit ${code}, ${dropped} lost\n${stderr}`);
  const refusedByKernel = stderr.includes('Kernel filter failed');
  const readAll = Number(received) - Number(captured) <= 1 || refusedByKernel;
  // One that was stopped may have been in the middle of a packet.
  const packets = readAll ? [...readPcap(new Uint8Array(readFileSync(path)))] : [];
  return { packets, refusedByKernel, readAll };
}

async function captureAll(
  { a, b, dir }: World,
  expressions: readonly string[],
  frames: readonly Frame[],
  quietMs: number,
): Promise<Capture[]> {
  const watchers = await Promise.all(
    expressions.map((expression, at) => watch(b, join(dir, `filter-${at}.pcap`), expression)),
  );
  await a.sendFrames([...BOOKENDS, ...frames.map(({ bytes }) => bytes), ...BOOKENDS]);
  await settled(watchers, quietMs);
  return Promise.all(watchers.map(stop));
}

/**
 * What live tcpdumps at the receiving end show for each expression, when `a` sends all frames. Frames that look alike to
 * tcpdump are one frame, so `frames` must not have such. Nobody else may send.
 */
export async function answersLive(
  world: World,
  expressions: readonly string[],
  frames: readonly Frame[],
): Promise<LiveAnswer[]> {
  const names = new Map(frames.map(({ name, bytes }) => [keyOf(bytes, bytes.length), name]));
  if (names.size !== frames.length) throw new Error('some frames look alike');
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const captures = await captureAll(world, expressions, frames, SETTLE_MS << attempt);
    if (!captures.every(({ readAll }) => readAll)) continue;
    return captures.map(({ packets, refusedByKernel }) => ({
      frames: new Set(packets.flatMap(({ bytes, len }) => names.get(keyOf(bytes, len)) ?? [])),
      refusedByKernel,
    }));
  }
  throw new Error(`tcpdump did not read all of its packets in ${ATTEMPTS} attempts`);
}
