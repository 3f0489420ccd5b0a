/** stdout is data, stderr is talk. A closed pipe ends a trace quietly. */
import { exitCode, TaptraceError } from '../errors.js';

/** Bytes that may wait for a reader who has stopped reading. */
const waitingBytesMax = 4 << 20;

export class Output {
  readonly colour: boolean;
  private closed = false;

  private failure: Error | undefined;
  private hasProgress = false;
  private isMuted = false;
  private isHushed = false;

  /** `onClosed`: whatever is written from now on goes nowhere. */
  constructor(onClosed: () => void = () => undefined) {
    const { env, stdout, stderr } = process;
    this.colour = Boolean(stdout.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.closed = true;
      if (error.code !== 'EPIPE') this.failure = error;
      onClosed();
    });
    stderr.on('error', () => undefined);
  }

  /** Writes to stdout; true when the bytes have left and may be overwritten (files, pipes and terminals: always). */
  data(data: string | Uint8Array): boolean {
    if (this.closed || this.isMuted) return true;
    process.stdout.write(data);
    return process.stdout.writableLength === 0;
  }

  /** From now on data goes nowhere: it is written elsewhere, in another form. */
  mute(): void {
    this.isMuted = true;
  }

  /** From now on nothing is told: whoever reads stderr takes each line for a failure. */
  hush(): void {
    this.isHushed = true;
  }

  /** Columns to write in: those of the terminal, else as many as it takes. */
  get width(): number {
    return process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
  }

  get isCongested(): boolean {
    return process.stdout.writableLength > waitingBytesMax;
  }

  /** Resolves once everything written has left. Throws TaptraceError if it could not; a closed pipe is none. */
  async written(): Promise<void> {
    if (!this.closed && !this.isMuted)
      await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
    // A failure is told only after the callbacks of its write.
    await new Promise((resolve) => setImmediate(resolve));
    const { failure } = this;
    if (failure) throw new TaptraceError(`cannot write the output: ${failure.message}`, exitCode.failure);
  }

  /** On a terminal, a line that the next one takes the place of; an empty one ends it. */
  progress(line: string): void {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`\r\x1b[K${line}`);
    this.hasProgress = line !== '';
  }

  /** Lines of somebody else's, such as the verifier's, as they are. */
  block(text: string): void {
    process.stderr.write(text);
  }

  /** One line for the user. */
  talk(line: string): void {
    if (this.isHushed) return;
    if (this.hasProgress) this.progress('');
    process.stderr.write(`taptrace: ${line}\n`);
  }
}
