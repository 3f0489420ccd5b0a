/** A recording that is open for reading: its header, then its chunks. */
import { createReadStream, fstatSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { UsageError } from '../errors.js';
import { BrokenRecording, type Chunk, ChunkReader } from './chunk-reader.js';
import { planOf, UnknownWord } from './from-messages.js';
import { formatVersion, type HeaderMessage, recordVersion } from './schema.js';

const readBytes = 1 << 18;

export class Recording {
  private constructor(
    /** As the user named it. */
    readonly path: string,
    readonly header: HeaderMessage,
    /** The header's chunk with its length in front. */
    readonly headerBytes: Uint8Array,
    private readonly reader: ChunkReader,
    private readonly source: Readable,
    /** Absent where it cannot be known: pipes. */
    readonly bytes: number | undefined,
  ) {}

  /** `-`: standard input. Throws UsageError where it is no recording, cannot be read, or is too new. */
  static async open(path: string): Promise<Recording> {
    const { source, bytes } = open(path);
    const reader = new ChunkReader(source);
    try {
      if (!(await reader.begins())) throw notOne(path, await reader.peek(8));
      const header = await readHeader(path, reader);
      return new Recording(path, header, Uint8Array.from(reader.chunkBytes), reader, source, bytes);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`cannot read ${path}: ${(error as Error).message}`, undefined, 'recording');
    }
  }

  /** The next chunk; undefined behind the last one. Throws BrokenRecording. */
  next(): Promise<Chunk | undefined> {
    return this.reader.next();
  }

  /** Ends the reading: of a pipe nothing more is waited for. */
  close(): void {
    this.source.destroy();
  }

  /** The last chunk with its length in front; valid until the next one is asked for. */
  get chunkBytes(): Uint8Array {
    return this.reader.chunkBytes;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.reader.offset;
  }
}

function open(path: string): { source: Readable; bytes: number | undefined } {
  if (path === '-') return { source: process.stdin, bytes: undefined };
  try {
    const fd = openSync(path, 'r');
    const status = fstatSync(fd);
    if (status.isDirectory()) throw new Error('it is a directory');
    const source = createReadStream(path, { fd, highWaterMark: readBytes });
    return { source, bytes: status.isFile() ? status.size : undefined };
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`, undefined, 'recording');
  }
}

/** First bytes of other files, as they may be given by mistake. */
const others: readonly (readonly [hex: string, what: string])[] = [
  ['0a0d0d0a', 'a pcapng file'],
  ['d4c3b2a1', 'a pcap file'],
  ['a1b2c3d4', 'a pcap file'],
  ['4d3cb2a1', 'a pcap file'],
  ['a1b23c4d', 'a pcap file'],
  ['1f8b', 'compressed by gzip'],
  ['28b52ffd', 'compressed by zstd'],
];

function notOne(path: string, start: Uint8Array): UsageError {
  const hex = Buffer.from(start).toString('hex');
  const other = others.find(([magic]) => hex.startsWith(magic))?.[1];
  const what = start.length === 0 ? 'it is empty' : other && `it is ${other}`;
  return new UsageError(
    `${path} is no recording of taptrace${what ? `: ${what}` : ''}`,
    other?.includes('pcap') ? 'tcpdump -r, tshark -r and Wireshark read such files' : undefined,
    'recording',
  );
}

async function readHeader(path: string, reader: ChunkReader): Promise<HeaderMessage> {
  const damaged = new UsageError(
    `cannot read ${path}: its header is damaged or cut short`,
    undefined,
    'recording',
  );
  const first = await reader.next().catch((error: unknown) => {
    throw error instanceof BrokenRecording ? damaged : error;
  });
  if (first?.kind !== 'header') throw damaged;
  const { format, taptrace, recordVersion: version } = first.value;
  if (format > formatVersion || version > recordVersion)
    throw new UsageError(
      `${path} was written by taptrace ${taptrace} in format ${format}.${version}; this version reads up to ${formatVersion}.${recordVersion}`,
      `read it with taptrace ${taptrace} or newer`,
      'recording-version',
    );
  try {
    planOf(first.value);
  } catch (error) {
    if (!(error instanceof UnknownWord)) throw error;
    throw new UsageError(
      `${path} names ${error.message}, which this version does not know`,
      `read it with taptrace ${taptrace} or newer`,
      'recording-version',
    );
  }
  if (!first.value.options || first.value.rings < 1 || first.value.rings > 1 << 16) throw damaged;
  return first.value;
}
