/** A recording as chunks, one after the other, from any source of bytes; memory for one chunk. */
import { unpacked } from './packed.js';
import {
  type Body,
  decodeChunk,
  findRecords,
  lengthBefore,
  lengthBytesMax,
  magic,
  recordsTag,
} from './schema.js';

/** Chunks are as long as a batch at most (512 KiB), or hold a record that is longer: anything above is damage. */
const chunkBytesMax = 16 << 20;

/** Raw records of one ring; the bytes are valid until the next chunk is asked for. */
export interface RecordsChunk {
  readonly kind: 'records';
  readonly ring: number;
  readonly bytes: Uint8Array;
}

export type Chunk = Exclude<Body, { kind: 'packed' }> | RecordsChunk;

/** Why a recording cannot be read further: `cut` at its end, or `damaged` inside. */
export class BrokenRecording extends Error {
  override readonly name = 'BrokenRecording';
  constructor(
    readonly how: 'cut' | 'damaged',
    /** Where the first chunk begins that is not whole. */
    readonly offset: number,
  ) {
    super(`${how} at byte ${offset}`);
  }
}

export class ChunkReader {
  private buffer = Buffer.alloc(1 << 16);
  private start = 0;
  private end = 0;
  private isAtEnd = false;
  /** Of the next chunk in the file. */
  offset = 0;
  /** The last chunk with its length in front, as it stands in the file; valid until the next one is asked for. */
  chunkBytes: Uint8Array = new Uint8Array(0);
  private readonly input: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.input = source[Symbol.asyncIterator]();
  }

  /** The first bytes, which tell what kind of file it is; they are not used up. */
  async peek(bytes: number): Promise<Uint8Array> {
    await this.fill(bytes);
    return this.buffer.subarray(this.start, Math.min(this.end, this.start + bytes));
  }

  /** Goes past the magic number; false where there is none. */
  async begins(): Promise<boolean> {
    if (!magic.equals(await this.peek(magic.length))) return false;
    this.skip(magic.length);
    return true;
  }

  /** The next chunk that this version knows; undefined behind the last one. Throws BrokenRecording. */
  async next(): Promise<Chunk | undefined> {
    for (;;) {
      const bytes = await this.nextBytes();
      if (!bytes) return undefined;
      const chunk = this.decode(bytes);
      if (chunk) return chunk;
    }
  }

  private decode(bytes: Uint8Array): Chunk | null {
    const at = this.offset;
    if (bytes[0] === recordsTag) {
      const found = findRecords(bytes);
      if (!found) throw new BrokenRecording('damaged', at);
      const { ring, start, bytes: length } = found;
      return { kind: 'records', ring, bytes: bytes.subarray(start, start + length) };
    }
    const body = decodeChunk(bytes);
    if (body === undefined) throw new BrokenRecording('damaged', at);
    if (body?.kind !== 'packed') return body;
    const { ring, records } = body.value;
    const whole = unpacked(records, chunkBytesMax);
    if (!whole) throw new BrokenRecording('damaged', at);
    return { kind: 'records', ring, bytes: whole };
  }

  private async nextBytes(): Promise<Uint8Array | undefined> {
    await this.fill(lengthBytesMax);
    if (this.start === this.end) return undefined;
    const length = lengthBefore(this.buffer.subarray(this.start, this.end));
    if (length === undefined)
      throw new BrokenRecording(this.end - this.start < lengthBytesMax ? 'cut' : 'damaged', this.offset);
    if (length.value === 0 || length.value > chunkBytesMax) throw new BrokenRecording('damaged', this.offset);
    const total = length.bytes + length.value;
    await this.fill(total);
    if (this.end - this.start < total) throw new BrokenRecording('cut', this.offset);
    const chunk = this.buffer.subarray(this.start + length.bytes, this.start + total);
    this.chunkBytes = this.buffer.subarray(this.start, this.start + total);
    this.skip(total);
    return chunk;
  }

  private skip(bytes: number): void {
    this.start += bytes;
    this.offset += bytes;
  }

  /** Reads until so many bytes are there, or the end. */
  private async fill(bytes: number): Promise<void> {
    while (this.end - this.start < bytes && !this.isAtEnd) {
      const { done, value } = await this.input.next();
      if (done) this.isAtEnd = true;
      else this.append(value);
    }
  }

  private append(more: Uint8Array): void {
    const held = this.end - this.start;
    if (this.end + more.length > this.buffer.length) {
      const needed = held + more.length;
      const target = needed > this.buffer.length ? Buffer.alloc(needed * 2) : this.buffer;
      this.buffer.copy(target, 0, this.start, this.end);
      this.buffer = target;
      this.start = 0;
      this.end = held;
    }
    this.buffer.set(more, this.end);
    this.end += more.length;
  }
}
