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

  /** Of comparable flows. */
  sourceDiffers(other: Flow): boolean {
    return this.addressDiffers(other, 0) || this.portDiffers(other, 0);
  }

  /** Of comparable flows. */
  destinationDiffers(other: Flow): boolean {
    return this.addressDiffers(other, this.addressBytes) || this.portDiffers(other, 2);
  }

  private get addressBytes(): number {
    return this.version === 6 ? 16 : 4;
  }

  private addressDiffers(other: Flow, from: number): boolean {
    for (let at = from; at < from + this.addressBytes; at += 4)
      if (i32(this.bytes, this.source + at) !== i32(other.bytes, other.source + at)) return true;
    return false;
  }

  private portDiffers(other: Flow, from: number): boolean {
    if (this.ports < 0 || other.ports < 0) return false;
    return u16(this.bytes, this.ports + from) !== u16(other.bytes, other.ports + from);
  }

  /** `192.0.2.1:80`, `[2001:db8::1]:80`; without the port where there is none. */
  get sourceText(): string {
    return this.endText(0, 0);
  }

  get destinationText(): string {
    return this.endText(this.addressBytes, 2);
  }

  private endText(address: number, port: number): string {
    const at = this.source + address;
    const text = this.version === 6 ? ipv6Text(this.bytes, at) : ipv4Text(this.bytes, at);
    if (this.ports < 0) return text;
    return `${this.version === 6 ? `[${text}]` : text}:${u16(this.bytes, this.ports + port)}`;
  }
}
