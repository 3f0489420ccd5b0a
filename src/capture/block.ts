/** One block of a pcapng file, and its options. Offsets count from its first byte. */
import { option } from './pcapng-codes.js';

/** What is read of a block does not lie in it. */
export class BadBlock extends Error {
  override readonly name = 'BadBlock';
}

export class Block {
  constructor(
    readonly bytes: Buffer,
    private readonly isLittle: boolean,
  ) {}

  /** Throws BadBlock. */
  private reach(at: number, length: number): void {
    // Behind the body the total length stands once more.
    if (at + length > this.bytes.length - 4) throw new BadBlock(`${length} bytes at ${at}`);
  }

  u16(at: number): number {
    this.reach(at, 2);
    return this.isLittle ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at);
  }

  u32(at: number): number {
    this.reach(at, 4);
    return this.isLittle ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at);
  }

  u64(at: number): bigint {
    this.reach(at, 8);
    return this.isLittle ? this.bytes.readBigUInt64LE(at) : this.bytes.readBigUInt64BE(at);
  }

  i64(at: number): bigint {
    return BigInt.asIntN(64, this.u64(at));
  }

  data(at: number, length: number): Buffer {
    this.reach(at, length);
    return this.bytes.subarray(at, at + length);
  }

  text(at: number, length: number): string {
    return this.data(at, length).toString('utf8');
  }

  /** Calls for each option from there on, with where its value lies. */
  options(start: number, each: (code: number, at: number, length: number) => void): void {
    const end = this.bytes.length - 4;
    for (let at = start; at < end; ) {
      const code = this.u16(at);
      const length = this.u16(at + 2);
      if (code === option.end) return;
      this.reach(at + 4, length);
      each(code, at + 4, length);
      at += 4 + padded(length);
    }
  }
}

export const padded = (bytes: number): number => (bytes + 3) & ~3;
