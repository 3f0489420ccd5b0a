/**
 * How much of a packet a packet socket took: its own filter is asked again, over the captured bytes, and its ring
 * may hold less than the filter wants (net/packet/af_packet.c, packet_rcv and tpacket_rcv).
 */
import { type DecodedPacket, decodePacket, emptyPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import { type ClassicProgram, classicProgram } from '../filter/filter.js';
import type { PacketRing, SocketSetup } from '../system/packet-diag.js';
import { PendingDeliveries } from './pending-deliveries.js';
import { type Delivery, deliveryResult } from './verdicts.js';

const ethernetHeaderBytes = 14;
const etherTypeAt = 12;

/** A packet socket as it was set up while it had this filter. */
export interface KnownSocket {
  readonly inode: string;
  /** As records tell it; 0n: no filter. */
  readonly filterAddress: bigint;
  /** Undefined where the kernel does not tell. */
  readonly setup: SocketSetup | undefined;
}

/** Who knows how sockets are set up: the kernel of a live trace, or a recording. */
export interface SocketSource {
  /** The socket that a delivery's record names; the same object while nothing is known to have changed. */
  socketOf(record: RecordView): KnownSocket;
}

export class SocketTakes {
  private readonly programs = new WeakMap<Uint8Array, ClassicProgram>();
  /** Given out before their answer came. */
  private readonly pending = new PendingDeliveries();
  private readonly latePacket = emptyPacket();

  constructor(private readonly source: SocketSource) {}

  /** What became of a packet at the socket it was handed to; `packet` with all bytes that were captured. */
  delivery(record: RecordView, packet: DecodedPacket): Delivery {
    if (record.is('amends')) return this.lateAnswer(record);
    if (!record.has('aux')) this.pending.keep(record);
    return this.answer(record, packet);
  }

  private lateAnswer(amendment: RecordView): Delivery {
    const record = this.pending.answered(amendment);
    if (!record) return { result: deliveryResult(amendment) };
    decodePacket(record, this.latePacket, false);
    return this.answer(record, this.latePacket);
  }

  private answer(record: RecordView, packet: DecodedPacket): Delivery {
    const result = deliveryResult(record);
    if (!asksSocket(record)) return { result };
    const socket = this.source.socketOf(record);
    const wanted = wantedBytes(socket, this.programOf(socket), record, packet);
    if (wanted === 0) return { result: result === 'unknown' ? 'filtered' : result };
    const takenBytes =
      result === 'taken' && wanted !== undefined ? keptBytes(socket.setup!, packet, wanted) : undefined;
    return takenBytes === undefined ? { result } : { result, takenBytes };
  }

  private programOf({ setup }: KnownSocket): ClassicProgram | undefined {
    const filter = setup?.filter;
    if (!filter) return undefined;
    const program = this.programs.get(filter) ?? classicProgram(filter);
    this.programs.set(filter, program);
    return program;
  }
}

/** Whether the socket's own filter has a say in what became of the packet. */
export function asksSocket(record: RecordView): boolean {
  if (!record.has('socketInode')) return false;
  const result = deliveryResult(record);
  return result === 'taken' || result === 'unknown';
}

/** Bytes that the filter asks for; undefined where it cannot be known or decided. */
function wantedBytes(
  { filterAddress, setup }: KnownSocket,
  program: ClassicProgram | undefined,
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
