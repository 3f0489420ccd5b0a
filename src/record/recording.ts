/** A recording that is open for reading: its header, then its chunks. */
import { UsageError } from '../errors.js';
import { type Chunk, ChunkReader } from './chunk-reader.js';
import { planOf, UnknownWord } from './from-messages.js';
import { BrokenFile, InputFile } from './input-file.js';
import { formatVersion, type HeaderMessage, magic, recordVersion } from './schema.js';

export class Recording {
  private constructor(
    private readonly input: InputFile,
    readonly header: HeaderMessage,
    /** The header's chunk with its length in front. */
    readonly headerBytes: Uint8Array,
    private readonly reader: ChunkReader,
  ) {}

  /** Throws UsageError where it is no recording, cannot be read, or is too new. */
  static async open(file: string | InputFile): Promise<Recording> {
    const input = typeof file === 'string' ? InputFile.open(file) : file;
    const { path } = input;
    const reader = new ChunkReader(input.stream);
    const start = await input.peek(magic.length);
    if (!(await reader.begins())) throw notOne(path, start);
    const header = await readHeader(path, reader);
    return new Recording(input, header, Uint8Array.from(reader.chunkBytes), reader);
  }

  /** As the user named it. */
  get path(): string {
    return this.input.path;
  }

  /** Absent where it cannot be known: pipes. */
  get bytes(): number | undefined {
    return this.input.bytes;
  }

  /** The next chunk; undefined behind the last one. Throws BrokenFile. */
  next(): Promise<Chunk | undefined> {
    return this.reader.next();
  }

  /** Ends the reading: of a pipe nothing more is waited for. */
  close(): void {
    this.input.close();
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
    other && hintFor(other),
    'recording',
  );
}

function hintFor(other: string): string {
  if (other.includes('pcap')) return '"taptrace read" and the library\'s readCapture read such files';
  return other.includes('gzip') ? 'read it with "gunzip -c FILE | taptrace read -"' : 'decompress it first';
}

async function readHeader(path: string, reader: ChunkReader): Promise<HeaderMessage> {
  const damaged = new UsageError(
    `cannot read ${path}: its header is damaged or cut short`,
    undefined,
    'recording',
  );
  const first = await reader.next().catch((error: unknown) => {
    throw error instanceof BrokenFile ? damaged : error;
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
