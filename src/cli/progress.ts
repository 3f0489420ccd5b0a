/** How far a file has been read, and why not to its end. */
import type { InputFile } from '../record/input-file.js';
import { printable } from '../render/printable.js';
import type { Output } from './output.js';

/** For somebody who waits at a terminal. */
export class Progress {
  private toldAt = performance.now() + 1000;

  constructor(
    private readonly output: Output,
    private readonly input: InputFile,
  ) {}

  tell(): void {
    const now = performance.now();
    const { bytes, path, stream } = this.input;
    const { offset } = stream;
    if (now < this.toldAt || process.stdout.isTTY) return;
    this.toldAt = now + 200;
    const share = bytes ? `${Math.floor((offset / bytes) * 100)} %` : `${(offset / 1e6).toFixed(0)} MB`;
    this.output.progress(`reading ${printable(path)}: ${share}`);
  }
}

const broken = {
  cut: 'ends in the middle: whoever wrote it was killed, the disk was full, or the file was cut',
  damaged: 'is damaged',
} as const;

/** Why not all of a file is shown. */
export function tellBroken(
  output: Output,
  path: string,
  { how, offset }: { how: keyof typeof broken; offset: number },
): void {
  output.talk(`${path} ${broken[how]} (byte ${offset}); everything before that is here`);
}
