/** Compares what two observers saw at one tap: the same packets, in the same order, byte for byte. */
import { firstDifferentByte, toBytes, toHex } from './bytes.js';
import {
  ETHERTYPE,
  etherTypeOf,
  MARKER_FRAME_BYTES,
  markerText,
  withoutVlanTag,
  withVlanTag,
} from './frames.js';
import type { PcapPacket } from './pcap.js';
import type { TraceEvent } from './tracer.js';

/** One packet as an observer saw it, with every VLAN tag in its bytes. */
export interface SeenPacket {
  /** Bytes it had, seen or not. */
  readonly len: number;
  /** The first bytes of it. */
  readonly bytes: Uint8Array;
  /** When, in nanoseconds since the epoch. */
  readonly timeNs: bigint;
  /** What the observer called it. */
  readonly text: string;
  /** The text of a marker frame, where the bytes do not tell it. */
  readonly marker?: string;
}

/** A packet of tcpdump's: libpcap has put a tag from metadata back into the bytes. */
export function seenInPcap({ len, bytes, tsNs }: PcapPacket, text: string): SeenPacket {
  return { len, bytes, timeNs: tsNs, text };
}

/**
 * A packet of a tap event; its metadata tag is put back as libpcap does. Where the kernel lets nobody read packet
 * memory (`payload` false) there must be no bytes.
 */
export function seenInEvent(event: TraceEvent, snaplen: number, payload = true): SeenPacket {
  const bytes = toBytes(event.data ?? '');
  const wanted = payload ? Math.min(event.len, snaplen === 0 ? 262144 : snaplen) : 0;
  if (event.capLen !== wanted || bytes.length !== wanted) {
    const got = `capLen ${event.capLen}, ${bytes.length} bytes of data`;
    throw new Error(`event ${event.seq}: ${wanted} bytes expected, got ${got}; len ${event.len}`);
  }
  const text = `seq ${event.seq}: ${event.summary ?? ''}`;
  const timeNs = wallClockNs(event.time);
  if (!event.vlan) return { len: event.len, bytes, timeNs, text };
  const tagged = payload ? withVlanTag(bytes, event.vlan.protocol, event.vlan.tci) : bytes;
  return { len: event.len + 4, bytes: tagged, timeNs, text };
}

/** Nanoseconds since the epoch of a time like 2026-01-02T03:04:05.123456789Z. */
function wallClockNs(time: string): bigint {
  const [, second, fraction] = /^(.*)\.(\d{9})Z$/.exec(time) ?? [];
  if (!second || !fraction) throw new Error(`not a time with nanoseconds: ${time}`);
  return BigInt(Date.parse(`${second}Z`)) * 1_000_000n + BigInt(fraction);
}

function markerOf({ marker, bytes }: SeenPacket): string | undefined {
  return marker ?? markerText(bytes);
}

/** The packets strictly between the frames marked `start` and `end`. */
export function betweenMarkers(packets: readonly SeenPacket[], start: string, end: string): SeenPacket[] {
  const [from, to] = [start, end].map((text) => {
    const marked = packets.flatMap((packet, index) => (markerOf(packet) === text ? [index] : []));
    if (marked.length !== 1) throw new Error(`${marked.length} frames are marked "${text}", not one`);
    return marked[0]!;
  });
  return packets.slice(from! + 1, to);
}

/**
 * Finds the marker frames among packets without bytes: only they have this length, and they come in this order.
 */
export function markByLength(packets: readonly SeenPacket[], texts: readonly string[]): SeenPacket[] {
  const left = [...texts];
  return packets.map((packet) =>
    packet.len === MARKER_FRAME_BYTES ? { ...packet, marker: left.shift() ?? 'one too many' } : packet,
  );
}

const ICMPV6_NEIGHBOUR_TYPES = new Set([130, 131, 132, 133, 134, 135, 136, 143]);
const IPV6_HOP_BY_HOP = 0;
const ICMPV6 = 58;

/**
 * What the kernel sends of itself from timers and workers: ARP, and neighbour discovery and multicast listener reports.
 * It may come from any CPU, so its order against other traffic is undefined.
 */
function upkeepOf(bytes: Uint8Array): 'arp' | 'icmp6' | undefined {
  const etherType = etherTypeOf(bytes);
  if (etherType === ETHERTYPE.arp) return 'arp';
  if (etherType !== ETHERTYPE.ipv6) return undefined;
  const optionsBytes = bytes[20] === IPV6_HOP_BY_HOP ? 8 * (1 + (bytes[55] ?? 0)) : 0;
  const protocol = optionsBytes > 0 ? bytes[54] : bytes[20];
  const isUpkeep = protocol === ICMPV6 && ICMPV6_NEIGHBOUR_TYPES.has(bytes[54 + optionsBytes] ?? -1);
  return isUpkeep ? 'icmp6' : undefined;
}

const isNeighbourUpkeep = (bytes: Uint8Array): boolean => upkeepOf(bytes) !== undefined;

/** What a test sent and what answered it: everything but neighbour upkeep, which comes when it likes. */
export function withoutUpkeep(packets: readonly SeenPacket[]): SeenPacket[] {
  return packets.filter(({ bytes }) => !isNeighbourUpkeep(bytes));
}

/**
 * Compares the packets of one direction of one device. Returns undefined when they agree, otherwise the
 * first difference, readable. Packets agree when their lengths are equal and so are the bytes that both
 * saw. Order is compared among the traffic of a test, among ARP and among the rest of neighbour upkeep, not between them.
 */
export function firstDifference(
  expected: readonly SeenPacket[],
  actual: readonly SeenPacket[],
): string | undefined {
  for (const upkeep of [undefined, 'arp', 'icmp6'] as const) {
    const pick = (packets: readonly SeenPacket[]) =>
      packets.filter(({ bytes }) => upkeepOf(bytes) === upkeep);
    const difference = firstDifferenceInOrder(pick(expected), pick(actual));
    if (difference) return upkeep ? `neighbour upkeep (${upkeep}): ${difference}` : difference;
  }
  return undefined;
}

/** The way in, or the way out. */
export type Direction = 'rx' | 'tx';

/** Returns the first difference in one direction of one device, readable, or undefined. */
export type Comparison = (
  expected: readonly SeenPacket[],
  actual: readonly SeenPacket[],
  direction: Direction,
) => string | undefined;

/** A VLAN tag is metadata on the way in: a tap is given the packet without the four bytes that libpcap puts back. */
function withoutTag(packet: SeenPacket): SeenPacket {
  const etherType = etherTypeOf(packet.bytes);
  const isTagged = etherType === ETHERTYPE.vlan || etherType === ETHERTYPE.qinq;
  return isTagged ? { ...packet, len: packet.len - 4, bytes: withoutVlanTag(packet.bytes) } : packet;
}

/**
 * The same for packets that the candidate saw without bytes: their lengths have to agree, in order. Neighbour upkeep is
 * only known among the expected ones; what has a length of theirs is counted without its order.
 */
export function firstLengthDifference(
  oracle: readonly SeenPacket[],
  actual: readonly SeenPacket[],
  direction: Direction,
): string | undefined {
  const expected = direction === 'rx' ? oracle.map(withoutTag) : oracle;
  const loose = new Set(expected.filter(({ bytes }) => isNeighbourUpkeep(bytes)).map(({ len }) => len));
  const inOrder = (packets: readonly SeenPacket[]) => packets.filter(({ len }) => !loose.has(len));
  const byLength = (packets: readonly SeenPacket[]) =>
    packets.filter(({ len }) => loose.has(len)).sort((left, right) => left.len - right.len);
  return (
    firstDifferenceInOrder(inOrder(expected), inOrder(actual)) ??
    firstDifferenceInOrder(byLength(expected), byLength(actual))
  );
}

function firstDifferenceInOrder(
  expected: readonly SeenPacket[],
  actual: readonly SeenPacket[],
): string | undefined {
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    const [want, got] = [expected[index], actual[index]];
    if (want && got && agree(want, got)) continue;
    return [
      `packet ${index} differs; ${expected.length} expected, ${actual.length} seen; ${explain(expected, actual, index)}`,
      describe('expected', want, got),
      describe('seen', got, want),
    ].join('\n');
  }
  return undefined;
}

function agree(left: SeenPacket, right: SeenPacket): boolean {
  return left.len === right.len && firstDifferentByte(left.bytes, right.bytes) === undefined;
}

/** Guesses what happened at `index`: packets missing, extra, or changed. */
function explain(expected: readonly SeenPacket[], actual: readonly SeenPacket[], index: number): string {
  const [want, got] = [expected[index], actual[index]];
  if (!got) return `the last ${expected.length - index} are missing`;
  if (!want) return `${actual.length - index} too many at the end`;
  const missing = expected.slice(index).findIndex((packet) => agree(packet, got));
  const extra = actual.slice(index).findIndex((packet) => agree(want, packet));
  if (missing > 0 && extra > 0)
    return `out of order: expected one is seen ${extra} later, seen one expected ${missing} later`;
  if (missing > 0) return `${missing} missing here`;
  if (extra > 0) return `${extra} too many here`;
  const at = firstDifferentByte(want.bytes, got.bytes);
  return at === undefined ? 'lengths differ' : `first different byte: ${at}`;
}

const SHOWN_BYTES = 128;

/** Text and hex of a packet, with the line of its first difference from `other` marked. */
function describe(name: string, packet: SeenPacket | undefined, other: SeenPacket | undefined): string {
  if (!packet) return `  ${name}: nothing`;
  const at = other ? firstDifferentByte(packet.bytes, other.bytes) : undefined;
  const from = at !== undefined && at >= SHOWN_BYTES ? at - (at % 16) - 32 : 0;
  const lines = [`  ${name}: len ${packet.len}, ${packet.bytes.length} bytes seen  ${packet.text}`];
  for (let row = from; row < Math.min(packet.bytes.length, from + SHOWN_BYTES); row += 16) {
    const hex = toHex(packet.bytes.subarray(row, row + 16)).replace(/(..)(?=.)/g, '$1 ');
    const mark = at !== undefined && at >= row && at < row + 16 ? '  <' : '';
    lines.push(`    0x${row.toString(16).padStart(4, '0')}: ${hex}${mark}`);
  }
  return lines.join('\n');
}
