/** Raw Ethernet frames for tests, built from parts. */

import { bigEndian, concatBytes, toBytes } from './bytes.js';

/** Ethernet protocol numbers that the tests use. */
export const ETHERTYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
  qinq: 0x88a8,
  /** IEEE local experimental numbers: nobody listens to them. */
  experimental1: 0x88b5,
  experimental2: 0x88b6,
} as const;

const VLAN_TAG_BYTES = 4;
const MAC_PAIR_BYTES = 12;
/** More than any marker's text, and a length that no other traffic of the tests has. */
const MARKER_PAYLOAD_BYTES = 1111;
/** Length of a marker frame. */
export const MARKER_FRAME_BYTES = 14 + MARKER_PAYLOAD_BYTES;

function mac(address: string): Uint8Array {
  return toBytes(address.replaceAll(':', ''));
}

/** Who sends a frame to whom. */
export interface MacPair {
  readonly from: string;
  readonly to: string;
}

/** An Ethernet frame: header and payload, without padding. */
export function ethernetFrame(pair: MacPair, etherType: number, payload: Uint8Array): Uint8Array {
  return concatBytes([mac(pair.to), mac(pair.from), bigEndian(etherType, 2), payload]);
}

/** Puts a VLAN tag behind the addresses of a frame; the last tag put is the outermost. */
export function withVlanTag(frame: Uint8Array, tpid: number, tci: number): Uint8Array {
  const tag = concatBytes([bigEndian(tpid, 2), bigEndian(tci, 2)]);
  return concatBytes([frame.subarray(0, MAC_PAIR_BYTES), tag, frame.subarray(MAC_PAIR_BYTES)]);
}

/** Takes the outermost VLAN tag out of a frame. */
export function withoutVlanTag(frame: Uint8Array): Uint8Array {
  const behind = frame.subarray(MAC_PAIR_BYTES + VLAN_TAG_BYTES);
  return concatBytes([frame.subarray(0, MAC_PAIR_BYTES), behind]);
}

function onesComplementSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** Addresses and ports of a datagram. */
export interface UdpFlow {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
}

/** What is unusual about a packet. */
export interface Oddities {
  /** Time to live, or hop limit; 64 else. */
  readonly ttl?: number;
  /** A checksum that is off by one. */
  readonly badChecksum?: 'ip' | 'udp';
}

const DEFAULT_TTL = 64;
const UDP = 17;

/** A UDP header and payload, its checksum over the pseudo header of these addresses. */
function udpDatagram(
  { sport, dport }: UdpFlow,
  addresses: Uint8Array,
  payload: Uint8Array,
  bad: boolean,
): Uint8Array {
  const length = bigEndian(8 + payload.length, 2);
  const pseudo = concatBytes([addresses, Uint8Array.of(0, UDP), length]);
  const ports = concatBytes([bigEndian(sport, 2), bigEndian(dport, 2)]);
  const datagram = concatBytes([ports, length, new Uint8Array(2), payload]);
  const checksum = ~onesComplementSum(datagram, onesComplementSum(pseudo)) & 0xffff || 0xffff;
  datagram.set(bigEndian(bad ? checksum ^ 1 : checksum, 2), 6);
  return datagram;
}

/** An IPv4 packet with a UDP datagram in it, checksums filled in. */
export function ipv4Udp(flow: UdpFlow, payload: Uint8Array, odd: Oddities = {}): Uint8Array {
  const addresses = Uint8Array.from([...flow.src.split('.'), ...flow.dst.split('.')].map(Number));
  const datagram = udpDatagram(flow, addresses, payload, odd.badChecksum === 'udp');
  const header = toBytes('4500000000000000401100000000000000000000');
  header.set(bigEndian(header.length + datagram.length, 2), 2);
  header[8] = odd.ttl ?? DEFAULT_TTL;
  header.set(addresses, 12);
  const checksum = ~onesComplementSum(header) & 0xffff;
  header.set(bigEndian(odd.badChecksum === 'ip' ? checksum ^ 1 : checksum, 2), 10);
  return concatBytes([header, datagram]);
}

/** The 16 bytes of an IPv6 address. */
export function ipv6Address(text: string): Uint8Array {
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string): number[] =>
    part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const [front, back] = [groups(head), groups(tail)];
  const middle = new Array<number>(8 - front.length - back.length).fill(0);
  return concatBytes([...front, ...middle, ...back].map((group) => bigEndian(group, 2)));
}

/** An IPv6 packet with a UDP datagram in it. */
export function ipv6Udp(flow: UdpFlow, payload: Uint8Array, odd: Oddities = {}): Uint8Array {
  const addresses = concatBytes([ipv6Address(flow.src), ipv6Address(flow.dst)]);
  const datagram = udpDatagram(flow, addresses, payload, odd.badChecksum === 'udp');
  const fixed = Uint8Array.of(0x60, 0, 0, 0, ...bigEndian(datagram.length, 2), UDP, odd.ttl ?? DEFAULT_TTL);
  return concatBytes([fixed, addresses, datagram]);
}

/**
 * A frame that marks a point in a capture: an unused EtherType and a text. It needs no neighbour entry
 * and nobody answers it, so it changes nothing in what it marks.
 */
export function markerFrame(pair: MacPair, text: string): Uint8Array {
  return ethernetFrame(pair, ETHERTYPE.experimental2, markerPayload(text));
}

/** The bytes of a marker frame behind its Ethernet header. */
function markerPayload(text: string): Uint8Array {
  const payload = new Uint8Array(Math.max(text.length, MARKER_PAYLOAD_BYTES));
  new TextEncoder().encodeInto(text, payload);
  return payload;
}

/** Bytes that only the frame marked with this text has: with its end, since one text may begin as another. */
export function markerBytes(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** The text of a marker frame, or undefined for any other frame. */
export function markerText(frame: Uint8Array): string | undefined {
  if (etherTypeOf(frame) !== ETHERTYPE.experimental2) return undefined;
  return new TextDecoder('latin1').decode(frame.subarray(14)).replace(/\0+$/, '');
}

/** The EtherType of a frame, or undefined for a frame too short to have one. */
export function etherTypeOf(frame: Uint8Array): number | undefined {
  return frame.length < 14 ? undefined : (frame[12]! << 8) | frame[13]!;
}
