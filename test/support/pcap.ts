/**
 * A reader for classic pcap files (not pcapng), for tests.
 *
 * Both byte orders and both time resolutions are read. The format is that of pcap-savefile(5).
 */

/** LINKTYPE_ values that the tests meet, as registered with tcpdump.org. */
export const PCAP_LINKTYPE = { ethernet: 1, raw: 101, linuxCooked: 113, linuxCooked2: 276 } as const;

/** One captured packet. */
export interface PcapPacket {
  /** Nanoseconds since the epoch. */
  readonly tsNs: bigint;
  /** Bytes stored in the file. */
  readonly capLen: number;
  /** Bytes the packet had on the wire. */
  readonly len: number;
  /** The stored bytes: a view into the file's buffer, `capLen` long. */
  readonly bytes: Uint8Array;
  /** LINKTYPE_ value of the file. */
  readonly linkType: number;
}

const FILE_HEADER_LEN = 24;
const RECORD_HEADER_LEN = 16;
const MAGIC_US = 0xa1b2c3d4;
const MAGIC_NS = 0xa1b23c4d;

/** Thrown for bytes that are no classic pcap file, or that end inside a record. */
export class PcapFormatError extends Error {
  override readonly name = 'PcapFormatError';
}

interface PcapFormat {
  readonly littleEndian: boolean;
  readonly nsPerTick: bigint;
}

function readFormat(view: DataView): PcapFormat {
  if (view.byteLength < FILE_HEADER_LEN) throw new PcapFormatError('shorter than a pcap file header');
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian);
    if (magic === MAGIC_US) return { littleEndian, nsPerTick: 1000n };
    if (magic === MAGIC_NS) return { littleEndian, nsPerTick: 1n };
  }
  throw new PcapFormatError(`unknown magic 0x${view.getUint32(0).toString(16)}`);
}

/** Yields the packets of a pcap file in file order. */
export function* readPcap(file: Uint8Array): Generator<PcapPacket, void, undefined> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const { littleEndian, nsPerTick } = readFormat(view);
  // The upper half of the field carries FCS information.
  const linkType = view.getUint32(20, littleEndian) & 0xffff;
  let at = FILE_HEADER_LEN;
  while (at < file.length) {
    if (at + RECORD_HEADER_LEN > file.length)
      throw new PcapFormatError(`cut off in a record header at ${at}`);
    const seconds = BigInt(view.getUint32(at, littleEndian));
    const ticks = BigInt(view.getUint32(at + 4, littleEndian));
    const capLen = view.getUint32(at + 8, littleEndian);
    const len = view.getUint32(at + 12, littleEndian);
    at += RECORD_HEADER_LEN;
    if (at + capLen > file.length) throw new PcapFormatError(`cut off in packet data at ${at}`);
    const bytes = file.subarray(at, at + capLen);
    yield { tsNs: seconds * 1_000_000_000n + ticks * nsPerTick, capLen, len, bytes, linkType };
    at += capLen;
  }
}

/**
 * Builds a little-endian microsecond pcap file, for tests that hand packets to other programs. The seconds of a
 * packet's time stamp are its place in the file, so that it is known again in what they write.
 */
export function writePcap(
  linkType: number,
  packets: Iterable<{ bytes: Uint8Array; len?: number }>,
): Uint8Array {
  const chunks: Uint8Array[] = [];
  const header = new DataView(new ArrayBuffer(FILE_HEADER_LEN));
  header.setUint32(0, MAGIC_US, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, 262144, true);
  header.setUint32(20, linkType, true);
  chunks.push(new Uint8Array(header.buffer));
  let place = 0;
  for (const { bytes, len } of packets) {
    const record = new DataView(new ArrayBuffer(RECORD_HEADER_LEN));
    record.setUint32(0, place++, true);
    record.setUint32(8, bytes.length, true);
    record.setUint32(12, len ?? bytes.length, true);
    chunks.push(new Uint8Array(record.buffer), bytes);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
