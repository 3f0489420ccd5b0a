/** A recording as chunks, one after the other, from any source of bytes; memory for one chunk. */
import type { ByteStream } from './byte-stream.js';
import { BrokenFile } from './input-file.js';
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

export class ChunkReader {
  /** The last chunk with its length in front, as it stands in the file; valid until the next one is asked for. */
  chunkBytes: Uint8Array = new Uint8Array(0);

  constructor(private readonly stream: ByteStream) {}

  /** Of the next chunk in the file. */
  get offset(): number {
    return this.stream.offset;
  }

  /** Goes past the magic number; false where there is none. */
  async begins(): Promise<boolean> {
    if (!magic.equals(await this.stream.peek(magic.length))) return false;
    this.stream.advance(magic.length);
    return true;
  }

  /** The next chunk that this version knows; undefined behind the last one. Throws BrokenFile. */
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
      if (!found) throw new BrokenFile('damaged', at);
      const { ring, start, bytes: length } = found;
      return { kind: 'records', ring, bytes: bytes.subarray(start, start + length) };
    }
    const body = decodeChunk(bytes);
    if (body === undefined) throw new BrokenFile('damaged', at);
    if (body?.kind !== 'packed') return body;
    const { ring, records } = body.value;
    const whole = unpacked(records, chunkBytesMax);
    if (!whole) throw new BrokenFile('damaged', at);
    return { kind: 'records', ring, bytes: whole };
  }

  private async nextBytes(): Promise<Uint8Array | undefined> {
    const { stream, offset } = this;
    const front = await stream.peek(lengthBytesMax);
    if (front.length === 0) return undefined;
    const length = lengthBefore(front);
    if (length === undefined) throw new BrokenFile(front.length < lengthBytesMax ? 'cut' : 'damaged', offset);
    if (length.value === 0 || length.value > chunkBytesMax) throw new BrokenFile('damaged', offset);
    const total = length.bytes + length.value;
    const whole = await stream.peek(total);
    if (whole.length < total) throw new BrokenFile('cut', offset);
    this.chunkBytes = whole;
    stream.advance(total);
    return whole.subarray(length.bytes);
  }
}
