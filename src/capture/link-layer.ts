/**
 * Where in a captured packet the part begins that src/dissect/ reads. Link types: tcpdump.org/linktypes.html.
 */
import { u16, u32 } from '../dissect/bytes.js';
import { ETHERTYPE } from '../dissect/names.js';
import type { PacketInput } from '../dissect/packet.js';
import type { CapturedPacket } from './capture.js';
import { directionFlag } from './pcapng-codes.js';

interface LinkType {
  readonly name: string;
  /** Bytes of its header; absent: the dissector reads it itself. */
  readonly headerBytes?: number;
  /** Ethertype behind the header; undefined where it tells none that we know. */
  readonly protocol?: (header: Uint8Array) => number | undefined;
  /** Where the byte with the packet type (PACKET_OUTGOING and others) lies. */
  readonly packetTypeAt?: number;
  readonly ifindexAt?: number;
}

/** Devices whose packets have no ethertype in a cooked header: netlink, and 802.11 with its headers. */
const otherDevices = new Set([801, 802, 803, 824]);

const cooked = (header: Uint8Array, protocolAt: number, deviceAt: number): number | undefined =>
  otherDevices.has(u16(header, deviceAt)) ? undefined : u16(header, protocolAt);

/** Address families by the numbers of the systems that write such headers: IPv6 has three. */
const families = new Map<number, number>([
  [2, ETHERTYPE.ipv4],
  [24, ETHERTYPE.ipv6],
  [28, ETHERTYPE.ipv6],
  [30, ETHERTYPE.ipv6],
]);

/** What a family of a loopback header says, in the byte order of whichever machine wrote it. */
export function familyEthertype(header: Uint8Array): number | undefined {
  const view = new DataView(header.buffer, header.byteOffset, 4);
  return families.get(view.getUint32(0)) ?? families.get(view.getUint32(0, true));
}

const raw = (name: string): LinkType => ({ name, headerBytes: 0 });

const known = new Map<number, LinkType>([
  [0, { name: 'BSD loopback', headerBytes: 4, protocol: familyEthertype }],
  [1, { name: 'Ethernet' }],
  [12, raw('raw IP')],
  [101, raw('raw IP')],
  [108, { name: 'OpenBSD loopback', headerBytes: 4, protocol: familyEthertype }],
  [
    113,
    {
      ...{ name: 'Linux cooked', headerBytes: 16, packetTypeAt: 1 },
      protocol: (header) => cooked(header, 14, 2),
    },
  ],
  [228, raw('raw IPv4')],
  [229, raw('raw IPv6')],
  [
    276,
    {
      ...{ name: 'Linux cooked v2', headerBytes: 20, packetTypeAt: 10, ifindexAt: 4 },
      protocol: (header) => cooked(header, 0, 8),
    },
  ],
]);

const packetOutgoing = 4;

export const linkTypeName = (linkType: number): string | undefined => known.get(linkType)?.name;

/** A captured packet as it is shown. */
export interface LocatedPacket {
  readonly captured: CapturedPacket;
  readonly packet: PacketInput;
  readonly direction: 'in' | 'out' | undefined;
  /** The device on the machine that captured it, by its number there. */
  readonly ifindex: number | undefined;
}

/** Never throws, whatever the bytes are. */
export function locate(captured: CapturedPacket): LocatedPacket {
  const { bytes, len, at } = captured;
  const type = known.get(at.linkType);
  if (type?.headerBytes) return behindHeader(captured, type, type.headerBytes);
  const linkType = !type ? 'unknown' : type.headerBytes === 0 ? 'raw' : 'ethernet';
  const packet: PacketInput = { bytes, offset: 0, capLen: bytes.length, len, linkType };
  return { captured, packet, direction: flaggedDirection(captured), ifindex: undefined };
}

function flaggedDirection({ flags = 0 }: CapturedPacket): LocatedPacket['direction'] {
  const bits = flags & directionFlag.mask;
  if (bits === directionFlag.in) return 'in';
  return bits === directionFlag.out ? 'out' : undefined;
}

function behindHeader(captured: CapturedPacket, type: LinkType, headerBytes: number): LocatedPacket {
  const { bytes, len } = captured;
  const whole: PacketInput = { bytes, offset: 0, capLen: bytes.length, len, linkType: 'unknown' };
  if (bytes.length < headerBytes)
    return { captured, packet: whole, direction: undefined, ifindex: undefined };
  const { packetTypeAt, ifindexAt } = type;
  const isOut = packetTypeAt !== undefined && bytes[packetTypeAt] === packetOutgoing;
  const direction = packetTypeAt === undefined ? flaggedDirection(captured) : isOut ? 'out' : 'in';
  const protocol = type.protocol?.(bytes);
  const ifindex = ifindexAt === undefined ? undefined : u32(bytes, ifindexAt);
  if (protocol === undefined) return { captured, packet: whole, direction, ifindex };
  const capLen = bytes.length - headerBytes;
  const rest = Math.max(0, len - headerBytes);
  const packet: PacketInput = { bytes, offset: headerBytes, capLen, len: rest, linkType: 'raw', protocol };
  return { captured, packet, direction, ifindex };
}
