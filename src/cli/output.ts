/** stdout is data, stderr is talk. A closed pipe ends a trace quietly. */

export class Output {
  readonly colour: boolean;
  private closed = false;

  constructor(onClosed: () => void, onError: (error: Error) => void) {
    const { env, stdout, stderr } = process;
    this.colour = Boolean(stdout.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.closed = true;
      if (error.code === 'EPIPE') onClosed();
      else onError(error);
    });
    stderr.on('error', () => undefined);
  }

  /** Writes to stdout; true when the bytes have left and may be overwritten (files, pipes and terminals: always). */
  data(data: string | Uint8Array): boolean {
    if (this.closed) return true;
    process.stdout.write(data);
    return process.stdout.writableLength === 0;
  }

  /** One line for the user. */
  talk(line: string): void {
    process.stderr.write(`taptrace: ${line}\n`);
  }
}
