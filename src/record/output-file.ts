/** The file that a recording is written to: whole chunks, at once. */
import { closeSync, fstatSync, ftruncateSync, openSync, writevSync } from 'node:fs';
import { exitCode, TaptraceError, UsageError } from '../errors.js';

const waiting = new Int32Array(new SharedArrayBuffer(4));

export class OutputFile {
  readonly fd: number;
  /** What was written last can be taken back. */
  readonly isRegular: boolean;
  /** Of whole chunks. */
  bytes = 0;

  /** `-`: standard output. Overwrites what is there. Throws UsageError where it cannot be opened. */
  constructor(readonly path: string) {
    try {
      this.fd = path === '-' ? 1 : openSync(path, 'w', 0o600);
    } catch (error) {
      throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
    }
    this.isRegular = path !== '-' && fstatSync(this.fd).isFile();
  }

  /** One chunk in pieces. Throws TaptraceError, and leaves no part of it behind where it can. */
  write(pieces: readonly Uint8Array[]): void {
    let rest = pieces.filter(({ length }) => length > 0);
    const total = rest.reduce((sum, { length }) => sum + length, 0);
    try {
      while (rest.length > 0) rest = behind(rest, this.writeSome(rest));
      this.bytes += total;
    } catch (error) {
      if (this.isRegular) ftruncateSync(this.fd, this.bytes);
      throw error;
    }
  }

  private writeSome(pieces: readonly Uint8Array[]): number {
    for (;;) {
      try {
        return writevSync(this.fd, pieces);
      } catch (error) {
        // A pipe whose reader is slow, and that somebody told not to wait.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        Atomics.wait(waiting, 0, 0, 1);
      }
    }
  }

  close(): void {
    if (this.path !== '-') closeSync(this.fd);
  }
}

function behind(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  return pieces.flatMap((piece) => {
    const skipped = Math.min(skip, piece.length);
    skip -= skipped;
    return skipped === piece.length ? [] : [piece.subarray(skipped)];
  });
}

/** What is to be said when a recording cannot be written any more. */
export function writeFailure(path: string, error: unknown, events: number): TaptraceError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === 'ENOSPC' ? 'no space is left on its device' : message;
  return new TaptraceError(
    `cannot write the recording ${path}: ${why}`,
    exitCode.failure,
    `it ends after ${events} events, which are safe`,
  );
}
