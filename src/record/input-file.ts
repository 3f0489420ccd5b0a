/** A file that is open for reading, whatever it turns out to be. */
import { createReadStream, fstatSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { UsageError } from '../errors.js';
import { ByteStream } from './byte-stream.js';

const readBytes = 1 << 18;

/** Why a file cannot be read further: `cut` at its end, or `damaged` inside. */
export class BrokenFile extends Error {
  override readonly name = 'BrokenFile';
  constructor(
    readonly how: 'cut' | 'damaged',
    /** Up to where it is whole. */
    readonly offset: number,
  ) {
    super(`${how} at byte ${offset}`);
  }
}

export class InputFile {
  readonly stream: ByteStream;

  private constructor(
    /** As the user named it. */
    readonly path: string,
    private readonly source: Readable,
    /** Absent where it cannot be known: pipes. */
    readonly bytes: number | undefined,
  ) {
    this.stream = new ByteStream(source);
  }

  /** `-`: standard input. Throws UsageError where it cannot be opened. */
  static open(path: string): InputFile {
    if (path === '-') return new InputFile(path, process.stdin, undefined);
    try {
      const fd = openSync(path, 'r');
      const status = fstatSync(fd);
      if (status.isDirectory()) throw new Error('it is a directory');
      const source = createReadStream(path, { fd, highWaterMark: readBytes });
      return new InputFile(path, source, status.isFile() ? status.size : undefined);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** The first bytes, which tell what it is. Throws UsageError where it cannot be read. */
  async peek(bytes: number): Promise<Buffer> {
    try {
      return await this.stream.peek(bytes);
    } catch (error) {
      throw unreadable(this.path, error);
    }
  }

  /** Ends the reading: of a pipe nothing more is waited for. */
  close(): void {
    this.source.destroy();
  }
}

function unreadable(path: string, error: unknown): UsageError {
  return new UsageError(`cannot read ${path}: ${(error as Error).message}`, undefined, 'recording');
}
