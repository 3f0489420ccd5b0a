import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** Passes on what is new in a growing file. After a panic the next boot's file starts over, and so does the output. */
export class Pump {
  readonly #to: Writable;
  #doneBytes = 0;

  constructor(to: Writable) {
    this.#to = to;
  }

  forward(path: string): void {
    if (!existsSync(path)) return;
    const fd = openSync(path, 'r');
    try {
      const bytes = new Uint8Array(1 << 16);
      for (let read = 1; read > 0; this.#doneBytes += read) {
        read = readSync(fd, bytes, 0, bytes.length, this.#doneBytes);
        this.#to.write(bytes.slice(0, read));
      }
    } finally {
      closeSync(fd);
    }
  }
}
