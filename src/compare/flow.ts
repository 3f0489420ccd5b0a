/** Whose packet it is, read in place: addresses and ports of the outermost IP header, to be held against another event's. */
import { ipv4Text, ipv6Text } from '../dissect/addresses.js';
import { i32, u16 } from '../dissect/bytes.js';
import { ETHERTYPE, IP_PROTOCOL, isVlanEthertype } from '../dissect/names.js';
import { beginsWithNetworkHeader, type PacketInput, readableEnd } from '../dissect/packet.js';

const ethernetBytes = 14;
const tagBytes = 4;
const ipv4Bytes = 20;
const ipv6Bytes = 40;

const hasPorts = (protocol: number): boolean =>
  protocol === IP_PROTOCOL.tcp || protocol === IP_PROTOCOL.udp || protocol === IP_PROTOCOL.sctp;

/** Where the link header and its tags end. */
function networkHeader(packet: PacketInput, end: number): number {
  const { bytes, offset, linkType } = packet;
  if (linkType !== 'ethernet' || offset + ethernetBytes > end) return offset;
  let at = offset + ethernetBytes;
  while (isVlanEthertype(u16(bytes, at - 2)) && at + tagBytes <= end) at += tagBytes;
  return at;
}

function isIp(packet: PacketInput, at: number): boolean {
  if (packet.linkType !== 'ethernet') return packet.linkType === 'raw' || beginsWithNetworkHeader(packet);
  const type = u16(packet.bytes, at - 2);
  return type === ETHERTYPE.ipv4 || type === ETHERTYPE.ipv6;
}

export type End = 'source' | 'destination';

export class Flow {
  private bytes: Uint8Array = new Uint8Array(0);
  /** 4, 6, or 0 where no IP header was found. */
  version: 0 | 4 | 6 = 0;
  private protocol = 0;
  private source = 0;
  private ports = -1;
  /** Bytes in front of the network header. */
  linkBytes = 0;

  /** Reads a packet whose bytes stay where they are. */
  read(packet: PacketInput): this {
    const { bytes, offset } = packet;
    this.bytes = bytes;
    this.version = 0;
    this.ports = -1;
    const end = readableEnd(packet);
    const at = networkHeader(packet, end);
    this.linkBytes = at - offset;
    if (at + ipv4Bytes > end || !isIp(packet, at)) return this;
    if (bytes[at]! >> 4 === 4) this.readIpv4(at, end);
    else if (bytes[at]! >> 4 === 6 && at + ipv6Bytes <= end) this.readIpv6(at, end);
    return this;
  }

  private readIpv4(at: number, end: number): void {
    const { bytes } = this;
    this.version = 4;
    this.source = at + 12;
    this.protocol = bytes[at + 9]!;
    const isLaterFragment = (u16(bytes, at + 6) & 0x1fff) !== 0;
    const transport = at + (bytes[at]! & 15) * 4;
    if (!isLaterFragment && hasPorts(this.protocol) && transport + 4 <= end) this.ports = transport;
  }

  /** Ports behind extension headers are not looked for: addresses then tell alone. */
  private readIpv6(at: number, end: number): void {
    this.version = 6;
    this.source = at + 8;
    this.protocol = this.bytes[at + 6]!;
    if (hasPorts(this.protocol) && at + ipv6Bytes + 4 <= end) this.ports = at + ipv6Bytes;
  }

  /** Whether both can be one packet before and after NAT: another protocol is an encapsulation. */
  isComparable(other: Flow): boolean {
    return this.version !== 0 && this.version === other.version && this.protocol === other.protocol;
  }

  /** What became of an end in `after`; undefined where it is the same. Both have to be comparable. */
  rewrittenTo(after: Flow, end: End): { readonly from: string; readonly to: string } | undefined {
    const samePorts = this.ports < 0 || after.ports < 0 || this.port(end) === after.port(end);
    const sameAddress = this.hasAddressOf(after, end);
    if (samePorts && sameAddress) return undefined;
    // The address alone, where the port stayed what it was.
    const text = (flow: Flow): string => (samePorts ? flow.addressText(end) : flow.endText(end));
    return { from: text(this), to: text(after) };
  }

  private addressAt(end: End): number {
    return end === 'source' ? this.source : this.source + (this.version === 6 ? 16 : 4);
  }

  private hasAddressOf(other: Flow, end: End): boolean {
    const [own, others] = [this.addressAt(end), other.addressAt(end)];
    for (let at = 0; at < (this.version === 6 ? 16 : 4); at += 4)
      if (i32(this.bytes, own + at) !== i32(other.bytes, others + at)) return false;
    return true;
  }

  private port(end: End): number {
    return u16(this.bytes, this.ports + (end === 'source' ? 0 : 2));
  }

  private addressText(end: End): string {
    const text = this.version === 6 ? ipv6Text : ipv4Text;
    return text(this.bytes, this.addressAt(end));
  }

  /** `192.0.2.1:80`, `[2001:db8::1]:80`; without the port where there is none. */
  endText(end: End): string {
    const address = this.addressText(end);
    if (this.ports < 0) return address;
    return `${this.version === 6 ? `[${address}]` : address}:${this.port(end)}`;
  }
}
