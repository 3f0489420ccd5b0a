/** Blocks of a pcapng file, gathered before they are written. */
import { type OutputFile, writeFailure } from '../record/output-file.js';

const writeThresholdBytes = 1 << 17;

export class BlockWriter {
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private waitingPackets = 0;
  /** Packets in the file. */
  written = 0;

  constructor(
    private readonly file: OutputFile,
    /** Nobody reads it any more. */
    private readonly closed: () => void,
  ) {}

  /** Blocks with so many packets in them. Throws TaptraceError. */
  add(blocks: readonly Buffer[], packets = 0): void {
    for (const block of blocks) {
      this.waiting.push(block);
      this.waitingBytes += block.length;
    }
    this.waitingPackets += packets;
    if (this.waitingBytes > writeThresholdBytes) this.flush();
  }

  /** Throws TaptraceError. */
  flush(): void {
    if (this.waiting.length === 0) return;
    try {
      this.file.write([Buffer.concat(this.waiting)]);
      this.written += this.waitingPackets;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.closed();
      else throw writeFailure(this.file.path, error, this.written);
    } finally {
      this.waiting = [];
      this.waitingBytes = 0;
      this.waitingPackets = 0;
    }
  }

  close(): void {
    this.flush();
    this.file.close();
  }
}
