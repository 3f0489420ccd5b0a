/**
 * How much of a packet a packet socket took: its own filter is asked again, over the captured bytes, and its ring
 * may hold less than the filter wants (net/packet/af_packet.c, packet_rcv and tpacket_rcv).
 */
import type { DecodedPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import { type ClassicProgram, classicProgram } from '../filter/filter.js';
import type { PacketRing, SocketSetup } from '../system/packet-diag.js';
import { type Delivery, deliveryFilter, deliveryResult } from './verdicts.js';

/** A filter that was changed twice may have the address of the first again. */
const trustedMs = 1000;
const maxSockets = 1024;
const ethernetHeaderBytes = 14;
const etherTypeAt = 12;

interface KnownSocket {
  readonly filterAddress: bigint;
  readonly readAtMs: number;
  /** Undefined where the kernel does not tell. */
  readonly setup: SocketSetup | undefined;
  readonly program: ClassicProgram | undefined;
}

/** The sockets of a namespace by inode; undefined where they cannot be read. */
export type ReadSetups = (netnsInum: number) => ReadonlyMap<string, SocketSetup> | undefined;

export class SocketTakes {
  private readonly known = new Map<string, KnownSocket>();

  constructor(
    private readonly read: ReadSetups,
    private readonly nowMs = () => performance.now(),
  ) {}

  /** What became of a packet at the socket it was handed to; `packet` with all bytes that were captured. */
  delivery(record: RecordView, packet: DecodedPacket): Delivery {
    const result = deliveryResult(record);
    if (!record.has('socketInode') || (result !== 'taken' && result !== 'unknown')) return { result };
    const socket = this.socket(record);
    const wanted = wantedBytes(socket, record, packet);
    if (wanted === 0) return { result: result === 'unknown' ? 'filtered' : result };
    const takenBytes =
      result === 'taken' && wanted !== undefined ? keptBytes(socket.setup!, packet, wanted) : undefined;
    return takenBytes === undefined ? { result } : { result, takenBytes };
  }

  private socket(record: RecordView): KnownSocket {
    const inode = record.socketInode;
    const filterAddress = deliveryFilter(record);
    const before = this.known.get(inode);
    const isSame = before?.filterAddress === filterAddress;
    if (before && isSame && this.nowMs() - before.readAtMs < trustedMs) return before;
    const found = this.read(record.netnsInum)?.get(inode);
    // A socket that has been closed had it until then.
    const socket = { ...known(found, isSame ? before : undefined), filterAddress, readAtMs: this.nowMs() };
    if (this.known.size >= maxSockets) this.known.clear();
    this.known.set(inode, socket);
    return socket;
  }
}

function known(
  setup: SocketSetup | undefined,
  before: KnownSocket | undefined,
): Pick<KnownSocket, 'setup' | 'program'> {
  if (!setup) return { setup: before?.setup, program: before?.program };
  return { setup, program: setup.filter && classicProgram(setup.filter) };
}

/** Bytes that the filter asks for; undefined where it cannot be known or decided. */
function wantedBytes(
  { filterAddress, setup, program }: KnownSocket,
  record: RecordView,
  packet: DecodedPacket,
): number | undefined {
  const skip = setup && skippedBytes(setup, packet);
  if (skip === undefined) return undefined;
  const length = packet.len - skip;
  if (filterAddress === 0n) return length;
  const wanted = program?.runRecord(
    packet.bytes,
    record.offset,
    packet.offset + skip,
    Math.max(0, packet.capLen - skip),
    length,
  );
  return wanted === undefined || wanted === null ? undefined : Math.min(wanted, length);
}

/** The link header, where the socket is not shown it; undefined where its length is not known. */
function skippedBytes({ kind }: SocketSetup, packet: DecodedPacket): number | undefined {
  if (kind === 'raw' || packet.linkType === 'raw') return 0;
  return packet.linkType === 'ethernet' && !hasTagInBytes(packet) ? ethernetHeaderBytes : undefined;
}

function hasTagInBytes({ bytes, offset, capLen }: DecodedPacket): boolean {
  if (capLen < etherTypeAt + 2) return true;
  const type = (bytes[offset + etherTypeAt]! << 8) | bytes[offset + etherTypeAt + 1]!;
  return type === 0x8100 || type === 0x88a8;
}

const tpacketAlign = (bytes: number): number => (bytes + 15) & ~15;
/** TPACKET_HDRLEN, TPACKET2_HDRLEN, TPACKET3_HDRLEN of a 64-bit kernel (include/uapi/linux/if_packet.h). */
const ringHeaderBytes = [52, 52, 68] as const;

/** As much of them as fits; undefined where it cannot be known. */
function keptBytes({ kind, ring }: SocketSetup, packet: DecodedPacket, wanted: number): number | undefined {
  if (!ring) return wanted;
  const before = bytesBefore(ring, kind, packet);
  if (before === undefined) return undefined;
  const isCut = before + wanted > ring.frameBytes;
  if (!isCut) return wanted;
  return ring.hasVnetHeader ? undefined : Math.max(0, ring.frameBytes - before);
}

/** Where in its frame a packet begins (tpacket_rcv: macoff). */
function bytesBefore(ring: PacketRing, kind: SocketSetup['kind'], packet: DecodedPacket): number | undefined {
  const header = ringHeaderBytes[ring.version];
  if (header === undefined || packet.linkType === 'unknown') return undefined;
  const network = tpacketAlign(header + 16) + ring.reservedBytes;
  return kind === 'dgram' || packet.linkType === 'raw' ? network : network - ethernetHeaderBytes;
}
