/**
 * pcapng files: any number of sections in either byte order, each with interfaces of its own. Blocks that hold neither
 * packets, interfaces nor statistics are passed over.
 */
import type { ByteStream } from '../record/byte-stream.js';
import { BrokenFile } from '../record/input-file.js';
import { BadBlock, Block, padded } from './block.js';
import { blockBytesMax, type CapturedPacket, type CaptureInterface, type CaptureReader } from './capture.js';
import {
  block,
  byteOrderMagic,
  filterIsText,
  interfaceOption,
  option,
  packetOption,
  sectionOption,
  statisticsOption,
} from './pcapng-codes.js';
import { Resolution } from './resolution.js';

const frontBytes = 12;
const unknownDrops = 0xffff;

export const isPcapng = (start: Buffer): boolean =>
  start.length >= 4 && start.readUInt32LE() === block.section;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Described extends CaptureInterface {
  readonly resolution: Resolution;
}

export class PcapngReader implements CaptureReader {
  readonly format = 'pcapng';
  readonly interfaces: Described[] = [];
  readonly dropped = new Map<number, number>();
  private isLittle = true;
  /** Of the section that is being read. */
  private local: Described[] = [];
  private application: string | undefined;

  private constructor(private readonly stream: ByteStream) {}

  /** Undefined where it is none, or its first section header is not whole. */
  static async begin(stream: ByteStream): Promise<PcapngReader | undefined> {
    if (!isPcapng(await stream.peek(4))) return undefined;
    const reader = new PcapngReader(stream);
    try {
      await reader.block();
      return reader;
    } catch (error) {
      if (error instanceof BrokenFile) return undefined;
      throw error;
    }
  }

  async next(): Promise<CapturedPacket | undefined> {
    for (;;) {
      const packet = await this.block();
      if (packet !== 'none') return packet;
    }
  }

  /** The packet in the next block; `none` where it holds none, undefined behind the last block. */
  private async block(): Promise<CapturedPacket | 'none' | undefined> {
    const { stream } = this;
    const { offset } = stream;
    const front = await stream.peek(frontBytes);
    if (front.length === 0) return undefined;
    if (front.length < frontBytes) throw new BrokenFile('cut', offset);
    if (front.readUInt32LE() === block.section) this.isLittle = byteOrder(front, offset);
    const type = this.u32(front, 0);
    const length = this.u32(front, 4);
    if (length < frontBytes || length % 4 !== 0) throw new BrokenFile('damaged', offset);
    if (!this.isRead(type)) return await this.passOver(length, offset);
    if (length > blockBytesMax) throw new BrokenFile('damaged', offset);
    const bytes = await stream.peek(length);
    if (bytes.length < length) throw new BrokenFile('cut', offset);
    if (this.u32(bytes, length - 4) !== length) throw new BrokenFile('damaged', offset);
    try {
      const packet = this.take(type, new Block(bytes, this.isLittle));
      stream.advance(length);
      return packet;
    } catch (error) {
      throw error instanceof BadBlock ? new BrokenFile('damaged', offset) : error;
    }
  }

  private isRead(type: number): boolean {
    return Object.values<number>(block).includes(type);
  }

  private u32(bytes: Buffer, at: number): number {
    return this.isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  /** Of any length: it is not held. */
  private async passOver(length: number, offset: number): Promise<'none'> {
    const isThere = await this.stream.skip(length - 4);
    const end = await this.stream.peek(4);
    if (!isThere || end.length < 4) throw new BrokenFile('cut', offset);
    if (this.u32(end, 0) !== length) throw new BrokenFile('damaged', offset);
    this.stream.advance(4);
    return 'none';
  }

  private take(type: number, from: Block): CapturedPacket | 'none' {
    switch (type) {
      case block.packet:
        return this.packet(from, from.u32(8));
      case block.oldPacket:
        return this.oldPacket(from);
      case block.simplePacket:
        return this.simplePacket(from);
      case block.section:
        this.section(from);
        break;
      case block.interface:
        this.interface(from);
        break;
      case block.statistics:
        this.statistics(from);
    }
    return 'none';
  }

  private section(from: Block): void {
    if (from.u16(12) !== 1) throw new BadBlock('version');
    this.local = [];
    this.application = undefined;
    from.options(24, (code, at, length) => {
      if (code === sectionOption.application) this.application = from.text(at, length);
    });
  }

  private interface(from: Block): void {
    const texts: Writable<Pick<CaptureInterface, 'name' | 'description' | 'filter' | 'os'>> = {};
    let exponent: number | undefined;
    let offsetSeconds: bigint | undefined;
    from.options(16, (code, at, length) => {
      if (code === interfaceOption.name) texts.name = from.text(at, length);
      else if (code === interfaceOption.description) texts.description = from.text(at, length);
      else if (code === interfaceOption.os) texts.os = from.text(at, length);
      else if (code === interfaceOption.resolution && length > 0) exponent = from.data(at, 1)[0];
      else if (code === interfaceOption.timeOffset) offsetSeconds = from.i64(at);
      else if (code === interfaceOption.filter && length > 0 && from.data(at, 1)[0] === filterIsText)
        texts.filter = from.text(at + 1, length - 1);
    });
    const made: Described = {
      ...{ id: this.interfaces.length, linkType: from.u16(8), snaplen: from.u32(12), ...texts },
      application: this.application,
      resolution: new Resolution(exponent, offsetSeconds),
    };
    this.interfaces.push(made);
    this.local.push(made);
  }

  /** Throws BadBlock where the section has not described it. */
  private described(id: number): Described {
    const at = this.local[id];
    if (!at) throw new BadBlock(`interface ${id}`);
    return at;
  }

  private statistics(from: Block): void {
    const { id } = this.described(from.u32(8));
    from.options(20, (code, at) => {
      if (code === statisticsOption.dropped) this.dropped.set(id, Number(from.u64(at)));
    });
  }

  private packet(from: Block, id: number): CapturedPacket {
    const at = this.described(id);
    const capLen = from.u32(20);
    const packet: Writable<CapturedPacket> = {
      at,
      time: timeOf(from, at),
      bytes: from.data(28, capLen),
      len: from.u32(24),
    };
    packetOptions(from, 28 + padded(capLen), packet);
    return packet;
  }

  private oldPacket(from: Block): CapturedPacket {
    const packet: Writable<CapturedPacket> = this.packet(from, from.u16(8));
    const drops = from.u16(10);
    if (drops !== unknownDrops) packet.dropCount ??= drops;
    return packet;
  }

  /** It is the first interface's, and has no time. */
  private simplePacket(from: Block): CapturedPacket {
    const at = this.described(0);
    const len = from.u32(8);
    const kept = at.snaplen === 0 ? len : Math.min(len, at.snaplen);
    return { at, time: undefined, len, bytes: from.data(12, kept) };
  }
}

/** Throws BrokenFile. */
function byteOrder(front: Buffer, offset: number): boolean {
  if (front.readUInt32LE(8) === byteOrderMagic) return true;
  if (front.readUInt32BE(8) === byteOrderMagic) return false;
  throw new BrokenFile('damaged', offset);
}

function timeOf(from: Block, { resolution }: Described): CapturedPacket['time'] {
  const time = resolution.time((BigInt(from.u32(12)) << 32n) | BigInt(from.u32(16)));
  if (!time) throw new BadBlock('time');
  return time;
}

function packetOptions(from: Block, start: number, packet: Writable<CapturedPacket>): void {
  from.options(start, (code, at, length) => {
    switch (code) {
      case option.comment:
        packet.comment =
          packet.comment === undefined
            ? from.text(at, length)
            : `${packet.comment}; ${from.text(at, length)}`;
        break;
      case packetOption.flags:
        packet.flags = from.u32(at);
        break;
      case packetOption.dropCount:
        packet.dropCount = Number(from.u64(at));
        break;
      case packetOption.packetId:
        packet.packetId = from.u64(at);
        break;
      case packetOption.queue:
        packet.queue = from.u32(at);
        break;
      case packetOption.verdict:
        packet.verdict = from.data(at, length);
        break;
      case packetOption.process:
        packet.process = { pid: from.u32(at), tid: from.u32(at + 4) };
    }
  });
}
