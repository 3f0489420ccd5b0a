/** What packet sockets were told to take: their filters and rings, by packet_diag (include/uapi/linux/packet_diag.h). */
import type { NativeBinding } from '../native/binding.js';
import { attributes, dumpRequest, littleEndian, netlinkProtocol, parseMessages } from './netlink.js';

const SOCK_DIAG_BY_FAMILY = 20;
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const requestBytes = 20;
const messageBytes = 16;
const show = { info: 1, ring: 4, filter: 0x20 } as const;
const attribute = { info: 0, rxRing: 2, filter: 7 } as const;
const infoFlag = { vnetHeader: 8 } as const;
const TPACKET_V3 = 2;

export interface PacketRing {
  /** TPACKET_V1 0, TPACKET_V2 1, TPACKET_V3 2. */
  readonly version: number;
  /** The most that a packet and what is written before it may take. */
  readonly frameBytes: number;
  /** Asked for by the reader (PACKET_RESERVE). */
  readonly reservedBytes: number;
  /** A virtio header lies before the packet too, of a length that is not told. */
  readonly hasVnetHeader: boolean;
}

export interface SocketSetup {
  /** SOCK_RAW sockets are handed the link header, SOCK_DGRAM sockets are not. */
  readonly kind: 'raw' | 'dgram';
  /** Classic instructions; absent: none, or an eBPF program. */
  readonly filter?: Uint8Array;
  /** Whether the filter may be seen (CAP_NET_ADMIN). */
  readonly showsFilter: boolean;
  readonly ring?: PacketRing;
}

/** struct packet_diag_ring; what is left of a block behind its own header is room for one packet (af_packet.c, BLK_PLUS_PRIV). */
function frameBytesOf(ring: DataView, version: number): number {
  const word = (index: number): number => ring.getUint32(index * 4, littleEndian);
  const [blockBytes, frameBytes, privateBytes] = [word(0), word(2), word(5)];
  const blockHeaderBytes = 48;
  return version === TPACKET_V3 ? blockBytes - blockHeaderBytes - ((privateBytes + 7) & ~7) : frameBytes;
}

function ringOf(ring: DataView | undefined, info: DataView | undefined): PacketRing | undefined {
  if (!ring || ring.byteLength < 24 || !info || info.byteLength < 24) return undefined;
  const [version, reservedBytes, flags] = [4, 8, 20].map((at) => info.getUint32(at, littleEndian));
  return {
    version: version!,
    reservedBytes: reservedBytes!,
    hasVnetHeader: (flags! & infoFlag.vnetHeader) !== 0,
    frameBytes: frameBytesOf(ring, version!),
  };
}

/** Sockets by inode. Throws NetlinkRefused, or Error where the answer is damaged. */
export function parsePacketDiag(reply: Uint8Array): Map<string, SocketSetup> {
  const sockets = new Map<string, SocketSetup>();
  for (const { type, payload } of parseMessages(reply)) {
    if (type !== SOCK_DIAG_BY_FAMILY || payload.byteLength < messageBytes) continue;
    const found = attributes(payload, messageBytes);
    const filter = found.get(attribute.filter);
    const ring = ringOf(found.get(attribute.rxRing), found.get(attribute.info));
    sockets.set(String(payload.getUint32(4, littleEndian)), {
      kind: payload.getUint8(1) === SOCK_DGRAM ? 'dgram' : 'raw',
      showsFilter: filter?.byteLength !== 0,
      ...(filter?.byteLength && { filter: copyOf(filter) }),
      ...(ring && { ring }),
    });
  }
  return sockets;
}

const copyOf = (view: DataView): Uint8Array =>
  Uint8Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));

/** The packet sockets of a namespace. Throws NativeError or NetlinkRefused (ENOENT: no packet_diag in this kernel). */
export function readPacketDiag(native: NativeBinding, netnsPath: string | null): Map<string, SocketSetup> {
  const request = new Uint8Array(requestBytes);
  request[0] = AF_PACKET;
  new DataView(request.buffer).setUint32(8, show.info | show.ring | show.filter, littleEndian);
  return parsePacketDiag(
    native.netlink(netnsPath, netlinkProtocol.sockDiag, dumpRequest(SOCK_DIAG_BY_FAMILY, request)),
  );
}
