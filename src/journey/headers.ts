/** The few header fields that tell packets apart, read in place without an object a packet. */
import type { PacketInput } from '../dissect/packet.js';

export const ipProtocol = { icmp: 1, ipip: 4, tcp: 6, udp: 17, ipv6: 41, gre: 47, icmpv6: 58 } as const;

const ETH_P_IP = 0x0800;
const ETH_P_ARP = 0x0806;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
const ETH_P_TEB = 0x6558;
const ETH_P_IPV6 = 0x86dd;

const ETHERNET_BYTES = 14;
const IPV4_BYTES_MIN = 20;
const IPV6_BYTES = 40;
/** Extension headers that may stand before the transport header: hop-by-hop, routing, destination options. */
const ipv6Options = new Set([0, 43, 60]);
const IPV6_FRAGMENT = 44;

/** UDP ports whose datagrams carry frames: VXLAN (IANA's and Linux' own), Geneve. */
const vxlanPorts = new Set([4789, 8472]);
const GENEVE_PORT = 6081;
const tunnelsMax = 4;

export class Headers {
  /** Of the innermost IP header, or 0. */
  version: 0 | 4 | 6 = 0;
  /** EtherType of what is innermost, where known. */
  etherType = 0;
  /** IP headers around the innermost one. */
  tunnels = 0;
  protocol = 0;
  /** IPv4's, or that of an IPv6 fragment header; 0: none. */
  id = 0;
  /** In bytes; with `moreFragments` says whether it is a part. */
  fragmentOffset = 0;
  moreFragments = false;
  /** Where in the bytes things start; payload is what the transport protocol carries. */
  networkAt = 0;
  transportAt = 0;
  payloadAt = 0;
  /** Bytes on the wire by the IP header's word, and how many of them were captured. */
  payloadLen = 0;
  payloadCaptured = 0;
  sport = 0;
  dport = 0;
  seq = 0;
  ack = 0;

  bytes!: Uint8Array;
  private end = 0;

  private u16(at: number): number {
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  private u32(at: number): number {
    return this.u16(at) * 65536 + this.u16(at + 2);
  }

  private has(at: number, count: number): boolean {
    return at + count <= this.end;
  }

  /** Reads as far as the captured bytes allow; false: nothing was understood. */
  read({ bytes, offset, capLen, linkType, protocol = 0 }: PacketInput): boolean {
    this.bytes = bytes;
    this.end = offset + capLen;
    this.version = 0;
    this.tunnels = 0;
    this.clearNetwork();
    if (linkType === 'ethernet') return this.ethernet(offset);
    if (linkType !== 'raw') return false;
    this.etherType = protocol;
    return this.network(protocol, offset);
  }

  /** What the IP packet carries, transport header included. */
  get networkPayloadLen(): number {
    return this.payloadAt - this.transportAt + this.payloadLen;
  }

  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffset > 0;
  }

  /** One number for both ends, whatever the direction of later rewriting. */
  get flow(): number {
    const bytes = this.version === 6 ? 32 : 8;
    const at = this.networkAt + (this.version === 6 ? 8 : 12);
    let hash = this.protocol;
    for (let i = 0; i < bytes; i += 1) hash = Math.imul(hash ^ this.bytes[at + i]!, 0x01000193);
    return (Math.imul(hash ^ this.sport, 0x01000193) ^ this.dport) >>> 0;
  }

  private clearNetwork(): void {
    this.protocol = 0;
    this.id = 0;
    this.fragmentOffset = 0;
    this.moreFragments = false;
    this.clearTransport();
  }

  private clearTransport(): void {
    this.transportAt = 0;
    this.payloadAt = 0;
    this.payloadLen = 0;
    this.payloadCaptured = 0;
    this.sport = 0;
    this.dport = 0;
    this.seq = 0;
    this.ack = 0;
  }

  private ethernet(start: number): boolean {
    let at = start + ETHERNET_BYTES;
    if (!this.has(start, ETHERNET_BYTES)) return false;
    let type = this.u16(at - 2);
    while ((type === ETH_P_8021Q || type === ETH_P_8021AD) && this.has(at, 4)) {
      type = this.u16(at + 2);
      at += 4;
    }
    this.etherType = type;
    return this.network(type, at);
  }

  private network(etherType: number, at: number): boolean {
    if (etherType === ETH_P_IP) return this.ipv4(at);
    if (etherType === ETH_P_IPV6) return this.ipv6(at);
    if (etherType !== ETH_P_ARP || !this.has(at, 8)) return false;
    this.networkAt = at;
    this.payload(at, 28);
    return true;
  }

  private ipv4(at: number): boolean {
    if (!this.has(at, IPV4_BYTES_MIN) || this.bytes[at]! >> 4 !== 4) return this.version !== 0;
    const headerBytes = (this.bytes[at]! & 15) * 4;
    const fragment = this.u16(at + 6);
    this.enter(4, at);
    this.protocol = this.bytes[at + 9]!;
    this.id = this.u16(at + 4);
    this.fragmentOffset = (fragment & 0x1fff) * 8;
    this.moreFragments = (fragment & 0x2000) !== 0;
    // A packet that the device will segment may be longer than its header can say (BIG TCP).
    this.transport(at + headerBytes, this.u16(at + 2) - headerBytes);
    return true;
  }

  private ipv6(at: number): boolean {
    if (!this.has(at, IPV6_BYTES) || this.bytes[at]! >> 4 !== 6) return this.version !== 0;
    this.enter(6, at);
    let next = this.bytes[at + 6]!;
    let start = at + IPV6_BYTES;
    const end = start + this.u16(at + 4);
    while (ipv6Options.has(next) && this.has(start, 2)) {
      next = this.bytes[start]!;
      start += (this.bytes[start + 1]! + 1) * 8;
    }
    if (next === IPV6_FRAGMENT && this.has(start, 8)) {
      next = this.bytes[start]!;
      this.fragmentOffset = this.u16(start + 2) & 0xfff8;
      this.moreFragments = (this.bytes[start + 3]! & 1) !== 0;
      this.id = this.u32(start + 4);
      start += 8;
    }
    this.protocol = next;
    this.transport(start, end - start);
    return true;
  }

  private enter(version: 4 | 6, at: number): void {
    if (this.version !== 0) this.tunnels += 1;
    this.clearNetwork();
    this.version = version;
    this.networkAt = at;
  }

  private payload(at: number, length: number): void {
    this.payloadAt = at;
    this.payloadLen = Math.max(0, length);
    this.payloadCaptured = Math.max(0, Math.min(this.payloadLen, this.end - at));
  }

  private transport(at: number, length: number): void {
    this.transportAt = at;
    this.payload(at, length);
    if (this.fragmentOffset > 0) return;
    if (this.protocol === ipProtocol.tcp && this.has(at, 20)) {
      this.ports(at);
      this.seq = this.u32(at + 4);
      this.ack = this.u32(at + 8);
      const headerBytes = (this.bytes[at + 12]! >> 4) * 4;
      this.payload(at + headerBytes, length - headerBytes);
    } else if (this.protocol === ipProtocol.udp && this.has(at, 8)) {
      this.ports(at);
      this.payload(at + 8, length - 8);
      this.datagram(at + 8);
    } else if (this.protocol === ipProtocol.icmp || this.protocol === ipProtocol.icmpv6) {
      // Type, code, checksum, identifier (NAT's to change), then the sequence number.
      if (this.has(at, 8)) this.payload(at + 6, length - 6);
    } else this.tunnel(at);
  }

  private ports(at: number): void {
    this.sport = this.u16(at);
    this.dport = this.u16(at + 2);
  }

  private tunnel(at: number): void {
    if (this.tunnels >= tunnelsMax || this.moreFragments) return;
    if (this.protocol === ipProtocol.ipip) this.ipv4(at);
    else if (this.protocol === ipProtocol.ipv6) this.ipv6(at);
    else if (this.protocol === ipProtocol.gre && this.has(at, 4)) this.gre(at);
  }

  private gre(at: number): void {
    const flags = this.u16(at);
    if ((flags & 7) !== 0) return;
    const type = this.u16(at + 2);
    const start = at + 4 + [0x8000, 0x2000, 0x1000].filter((bit) => flags & bit).length * 4;
    if (type === ETH_P_TEB) this.inner(start);
    else if (type === ETH_P_IP) this.ipv4(start);
    else if (type === ETH_P_IPV6) this.ipv6(start);
  }

  private datagram(at: number): void {
    if (this.tunnels >= tunnelsMax || this.moreFragments) return;
    if (vxlanPorts.has(this.dport) && this.has(at, 8)) this.inner(at + 8);
    else if (this.dport === GENEVE_PORT && this.has(at, 8)) this.inner(at + 8 + (this.bytes[at]! & 0x3f) * 4);
  }

  /** A whole frame in a tunnel; the outer headers stand where it is no IP packet. */
  private inner(start: number): void {
    if (!this.has(start, ETHERNET_BYTES)) return;
    const type = this.u16(start + 12);
    if (type === ETH_P_IP) this.ipv4(start + ETHERNET_BYTES);
    else if (type === ETH_P_IPV6) this.ipv6(start + ETHERNET_BYTES);
  }
}
