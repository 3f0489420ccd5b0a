/** -w x.pcapng: events into a file for Wireshark. */
import { numbersPackets } from '../journey/numbering.js';
import { Tracker } from '../journey/tracker.js';
import { type OutputFile, writeFailure } from '../record/output-file.js';
import { EventPcapng } from '../render/event-pcapng.js';
import { headerLines } from '../render/trace-text.js';
import type { TapEvent } from '../trace/event.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceHeader, TraceSink, TraceSummary } from '../trace/trace.js';
import type { Output } from './output.js';

const writeThresholdBytes = 1 << 17;

export class PcapngSink implements TraceSink {
  private events!: EventPcapng;
  private tracker: Tracker | undefined;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private waitingEvents = 0;
  /** Events in the file. */
  written = 0;
  readonly isCongested = false;

  constructor(
    private readonly file: OutputFile,
    private readonly output: Output,
    private readonly version: string,
    /** Nobody reads it any more. */
    private readonly closed: () => void,
    /** Somebody else tells the header and what happens. */
    private readonly isQuiet = false,
  ) {}

  header(header: TraceHeader): void {
    if (!this.isQuiet) for (const line of headerLines(header)) this.output.talk(line);
    this.events = new EventPcapng(header, this.version);
    if (numbersPackets(header.plan))
      this.tracker = new Tracker({ isWanted: () => false, onClosed: () => undefined, keepSteps: false });
    this.add([this.events.begin()]);
    this.flush();
  }

  event(event: TapEvent): void {
    const packet = this.tracker?.take(event);
    // It only says what became of the packet of an earlier event.
    if (event.record.is('amends')) return;
    this.add(this.events.event(event, packet));
    this.waitingEvents += 1;
    if (this.waitingBytes > writeThresholdBytes) this.flush();
  }

  private add(blocks: readonly Buffer[]): void {
    for (const block of blocks) {
      this.waiting.push(block);
      this.waitingBytes += block.length;
    }
  }

  flush(): void {
    if (this.waiting.length === 0) return;
    try {
      this.file.write([Buffer.concat(this.waiting)]);
      this.written += this.waitingEvents;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.closed();
      else throw writeFailure(this.file.path, error, this.written);
    } finally {
      this.waiting = [];
      this.waitingBytes = 0;
      this.waitingEvents = 0;
    }
  }

  notice(text: string): void {
    this.output.talk(text);
  }

  gap({ text }: HookGap): void {
    this.output.talk(text);
  }

  finish(summary: TraceSummary): void {
    this.add(this.events.end(summary));
    this.flush();
    this.file.close();
  }
}
