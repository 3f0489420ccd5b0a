/** Classic pcap files (pcap-savefile(5)): both byte orders, micro- and nanoseconds, and Kuznetzov's longer packet headers. */
import type { ByteStream } from '../record/byte-stream.js';
import { BrokenFile } from '../record/input-file.js';
import { blockBytesMax, type CapturedPacket, type CaptureInterface, type CaptureReader } from './capture.js';

const fileHeaderBytes = 24;
const versionMajor = 2;
/** The bits above tell of frame check sequences. */
const linkTypeMask = 0xffff;

interface Variant {
  readonly nsPerTick: number;
  readonly packetHeaderBytes: number;
}

const variants = new Map<number, Variant>([
  [0xa1b2c3d4, { nsPerTick: 1000, packetHeaderBytes: 16 }],
  [0xa1b23c4d, { nsPerTick: 1, packetHeaderBytes: 16 }],
  [0xa1b2cd34, { nsPerTick: 1000, packetHeaderBytes: 24 }],
]);

interface Magic extends Variant {
  readonly isLittle: boolean;
}

function magicOf(start: Buffer): Magic | undefined {
  if (start.length < 4) return undefined;
  const little = variants.get(start.readUInt32LE());
  const big = variants.get(start.readUInt32BE());
  return little ? { ...little, isLittle: true } : big && { ...big, isLittle: false };
}

export const isPcap = (start: Buffer): boolean => magicOf(start) !== undefined;

export class PcapReader implements CaptureReader {
  readonly format = 'pcap';
  readonly interfaces: readonly CaptureInterface[];
  readonly dropped = new Map<number, number>();
  private readonly at: CaptureInterface;

  private constructor(
    private readonly stream: ByteStream,
    private readonly magic: Magic,
    header: Buffer,
  ) {
    this.at = { id: 0, linkType: this.u32(header, 20) & linkTypeMask, snaplen: this.u32(header, 16) };
    this.interfaces = [this.at];
  }

  /** Undefined where it is none, or its header is not whole. */
  static async begin(stream: ByteStream): Promise<PcapReader | undefined> {
    const header = await stream.peek(fileHeaderBytes);
    const magic = magicOf(header);
    if (!magic || header.length < fileHeaderBytes) return undefined;
    if ((magic.isLittle ? header.readUInt16LE(4) : header.readUInt16BE(4)) !== versionMajor) return undefined;
    const reader = new PcapReader(stream, magic, header);
    stream.advance(fileHeaderBytes);
    return reader;
  }

  private u32(bytes: Buffer, at: number): number {
    return this.magic.isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  async next(): Promise<CapturedPacket | undefined> {
    const { stream, magic } = this;
    const { packetHeaderBytes, nsPerTick } = magic;
    const { offset } = stream;
    const header = await stream.peek(packetHeaderBytes);
    if (header.length === 0) return undefined;
    if (header.length < packetHeaderBytes) throw new BrokenFile('cut', offset);
    const seconds = this.u32(header, 0);
    const ns = this.u32(header, 4) * nsPerTick;
    const capLen = this.u32(header, 8);
    const len = this.u32(header, 12);
    if (capLen > blockBytesMax) throw new BrokenFile('damaged', offset);
    const whole = await stream.peek(packetHeaderBytes + capLen);
    if (whole.length < packetHeaderBytes + capLen) throw new BrokenFile('cut', offset);
    stream.advance(whole.length);
    return {
      at: this.at,
      time: { seconds: seconds + Math.floor(ns / 1e9), nanos: ns % 1e9 },
      bytes: whole.subarray(packetHeaderBytes),
      len,
    };
  }
}
