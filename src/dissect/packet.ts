/** The input of this folder and the structured facts that JSON output shows of a packet. */
import { ipv4Text, ipv6Text, macText } from './addresses.js';
import { hex, u16 } from './bytes.js';
import { ETHERTYPE, IP_PROTOCOL, isVlanEthertype } from './names.js';

/** What the first byte of the data is. `raw`: a network header, named by `protocol`. */
export type LinkType = 'ethernet' | 'raw' | 'unknown';

export interface PacketInput {
  /** Buffer that holds the packet; never copied, never read outside [offset, offset + capLen). */
  bytes: Uint8Array;
  /** Where the packet starts in it. */
  offset: number;
  /** Captured bytes from there; less than `len` where the snaplen cut. */
  capLen: number;
  /** Original length. */
  len: number;
  linkType: LinkType;
  /** Ethertype in host order, for linkType raw and unknown, where known. */
  protocol?: number;
  /** A tag that lives in skb metadata: it is the outermost one. */
  vlan?: { tci: number; protocol: number };
}

/** Facts of the outermost headers. Every key is absent when not known. Offsets count from the packet's start. */
export interface Dissected {
  linkSrc?: string;
  linkDst?: string;
  /** The ethertype after all tags; absent for 802.3 frames, whose field is a length. */
  etherType?: number;
  /** Outermost first, the metadata tag included. */
  vlans: { tci: number; protocol: number }[];
  /** Network addresses; of ARP the sender's and the target's. */
  src?: string;
  dst?: string;
  /**
   * `tcp`, `udp`, `icmp`, `icmp6`, `arp`, `rarp`, `sctp`, `gre`, `igmp`, `esp`, `ah`, `llc`; any other as
   * `ip-proto-N` or `ethertype-0xNNNN`.
   */
  proto?: string;
  sport?: number;
  dport?: number;
  networkOffset?: number;
  /** Absent in fragments that do not begin the datagram. */
  transportOffset?: number;
  payloadOffset?: number;
}

/** End of the readable bytes in `input.bytes`, whatever the lengths claim. */
export function readableEnd(input: PacketInput): number {
  const capLen = Math.min(input.capLen, input.len, input.bytes.length - input.offset);
  return input.offset + Math.max(capLen, 0);
}

/**
 * Whether data of unknown layout begins with the network header that the kernel's protocol field names.
 * Ends of packets (drop, consume) see skbs whose header offsets are no longer to be trusted.
 */
export function beginsWithNetworkHeader(input: PacketInput): boolean {
  const { bytes, offset, protocol } = input;
  const left = readableEnd(input) - offset;
  if (protocol === ETHERTYPE.ipv4) return left >= 20 && bytes[offset]! >= 0x45 && bytes[offset]! <= 0x4f;
  if (protocol === ETHERTYPE.ipv6) return left >= 40 && bytes[offset]! >> 4 === 6;
  if (protocol === ETHERTYPE.arp)
    return left >= 8 && u16(bytes, offset) === 1 && u16(bytes, offset + 2) === 0x0800;
  return false;
}

/** Reads the outermost headers. Never throws, whatever the bytes are. */
export function dissect(input: PacketInput): Dissected {
  const facts: Dissected = { vlans: [] };
  if (input.vlan) facts.vlans.push({ tci: input.vlan.tci, protocol: input.vlan.protocol });
  const end = readableEnd(input);
  if (input.linkType === 'ethernet') ethernet(facts, input, end);
  else if (input.linkType === 'raw' || beginsWithNetworkHeader(input)) {
    const type = input.protocol ?? ipEthertype(input, end);
    if (type !== undefined) tagged(facts, input, input.offset, end, type);
  } else if (input.protocol !== undefined) facts.etherType = input.protocol;
  return facts;
}

function ipEthertype(input: PacketInput, end: number): number | undefined {
  if (input.offset >= end) return undefined;
  const version = input.bytes[input.offset]! >> 4;
  if (version === 4) return ETHERTYPE.ipv4;
  return version === 6 ? ETHERTYPE.ipv6 : undefined;
}

function ethernet(facts: Dissected, input: PacketInput, end: number): void {
  const { bytes, offset } = input;
  if (offset + 14 > end) return;
  facts.linkDst = macText(bytes, offset);
  facts.linkSrc = macText(bytes, offset + 6);
  tagged(facts, input, offset + 14, end, u16(bytes, offset + 12));
}

/** Skips the tags that follow an ethertype, then reads the network header. */
function tagged(facts: Dissected, input: PacketInput, start: number, end: number, outerType: number): void {
  const { bytes, offset } = input;
  let at = start;
  let type = outerType;
  while (isVlanEthertype(type)) {
    if (at + 2 > end) return;
    facts.vlans.push({ tci: u16(bytes, at), protocol: type });
    if (at + 4 > end) return;
    type = u16(bytes, at + 2);
    at += 4;
  }
  facts.networkOffset = at - offset;
  if (type <= 1500) {
    facts.proto = 'llc';
    return;
  }
  facts.etherType = type;
  if (type === ETHERTYPE.ipv4) ipv4(facts, bytes, at, end, offset);
  else if (type === ETHERTYPE.ipv6) ipv6(facts, bytes, at, end, offset);
  else if (type === ETHERTYPE.arp || type === ETHERTYPE.rarp) arp(facts, bytes, at, end, type);
  else facts.proto = `ethertype-0x${hex(type, 4)}`;
}

function arp(facts: Dissected, bytes: Uint8Array, at: number, end: number, type: number): void {
  facts.proto = type === ETHERTYPE.arp ? 'arp' : 'rarp';
  if (at + 8 > end || u16(bytes, at + 2) !== ETHERTYPE.ipv4 || bytes[at + 5] !== 4) return;
  const hardwareLen = bytes[at + 4]!;
  const sender = at + 8 + hardwareLen;
  const target = sender + 4 + hardwareLen;
  if (sender + 4 <= end) facts.src = ipv4Text(bytes, sender);
  if (target + 4 <= end) facts.dst = ipv4Text(bytes, target);
}

function ipv4(facts: Dissected, bytes: Uint8Array, at: number, end: number, offset: number): void {
  if (at + 20 > end || bytes[at]! >> 4 !== 4) return;
  facts.src = ipv4Text(bytes, at + 12);
  facts.dst = ipv4Text(bytes, at + 16);
  const headerLen = (bytes[at]! & 15) * 4;
  const isLaterFragment = (u16(bytes, at + 6) & 0x1fff) !== 0;
  const protocol = bytes[at + 9]!;
  facts.proto = transportName(protocol, 4);
  if (headerLen >= 20 && !isLaterFragment) transport(facts, bytes, at + headerLen, end, offset, protocol);
}

function ipv6(facts: Dissected, bytes: Uint8Array, at: number, end: number, offset: number): void {
  if (at + 40 > end || bytes[at]! >> 4 !== 6) return;
  facts.src = ipv6Text(bytes, at + 8);
  facts.dst = ipv6Text(bytes, at + 24);
  let next = bytes[at + 6]!;
  let header = at + 40;
  while (isExtensionHeader(next)) {
    if (header + 8 > end) return;
    const isFragment = next === IP_PROTOCOL.fragment;
    next = bytes[header]!;
    if (isFragment && (u16(bytes, header + 2) & 0xfff8) !== 0) {
      if (!isExtensionHeader(next)) facts.proto = transportName(next, 6);
      return;
    }
    header += isFragment ? 8 : (bytes[header + 1]! + 1) * 8;
  }
  facts.proto = transportName(next, 6);
  transport(facts, bytes, header, end, offset, next);
}

/** AH is not among them: it is the protocol that JSON names. */
function isExtensionHeader(next: number): boolean {
  return (
    next === IP_PROTOCOL.hopByHop ||
    next === IP_PROTOCOL.routing ||
    next === IP_PROTOCOL.fragment ||
    next === IP_PROTOCOL.destinationOptions
  );
}

function transportName(protocol: number, version: 4 | 6): string {
  if (protocol === IP_PROTOCOL.tcp) return 'tcp';
  if (protocol === IP_PROTOCOL.udp) return 'udp';
  if (protocol === IP_PROTOCOL.icmp && version === 4) return 'icmp';
  if (protocol === IP_PROTOCOL.icmp6 && version === 6) return 'icmp6';
  if (protocol === IP_PROTOCOL.igmp && version === 4) return 'igmp';
  if (protocol === IP_PROTOCOL.sctp) return 'sctp';
  if (protocol === IP_PROTOCOL.gre) return 'gre';
  if (protocol === IP_PROTOCOL.esp) return 'esp';
  if (protocol === IP_PROTOCOL.ah) return 'ah';
  return `ip-proto-${protocol}`;
}

function transport(
  facts: Dissected,
  bytes: Uint8Array,
  at: number,
  end: number,
  offset: number,
  protocol: number,
): void {
  if (at > end) return;
  facts.transportOffset = at - offset;
  const hasPorts =
    protocol === IP_PROTOCOL.tcp || protocol === IP_PROTOCOL.udp || protocol === IP_PROTOCOL.sctp;
  if (hasPorts && at + 4 <= end) {
    facts.sport = u16(bytes, at);
    facts.dport = u16(bytes, at + 2);
  }
  const headerLen = transportHeaderLen(bytes, at, end, protocol);
  if (headerLen > 0 && at + headerLen <= end) facts.payloadOffset = at + headerLen - offset;
}

/** 0 where it is not known. */
function transportHeaderLen(bytes: Uint8Array, at: number, end: number, protocol: number): number {
  switch (protocol) {
    case IP_PROTOCOL.tcp: {
      const headerLen = at + 13 <= end ? (bytes[at + 12]! >> 4) * 4 : 0;
      return headerLen >= 20 ? headerLen : 0;
    }
    case IP_PROTOCOL.udp:
    case IP_PROTOCOL.icmp:
    case IP_PROTOCOL.icmp6:
    case IP_PROTOCOL.esp:
      return 8;
    case IP_PROTOCOL.sctp:
      return 12;
    default:
      return 0;
  }
}
