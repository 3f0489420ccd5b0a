/** -w x.pcapng: events into a file for Wireshark. */
import { numbersPackets } from '../journey/numbering.js';
import { Tracker } from '../journey/tracker.js';
import type { OutputFile } from '../record/output-file.js';
import { EventPcapng } from '../render/event-pcapng.js';
import { headerLines } from '../render/trace-text.js';
import type { TapEvent } from '../trace/event.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceHeader, TraceSink, TraceSummary } from '../trace/trace.js';
import { BlockWriter } from './block-writer.js';
import type { Output } from './output.js';

export class PcapngSink implements TraceSink {
  private events: EventPcapng | undefined;
  /** One for all runs, so that no number comes twice. */
  private readonly tracker = new Tracker({
    isWanted: () => false,
    onClosed: () => undefined,
    keepSteps: false,
  });
  private numbers = false;
  private readonly writer: BlockWriter;
  readonly isCongested = false;

  constructor(
    file: OutputFile,
    private readonly output: Pick<Output, 'talk'>,
    private readonly version: string,
    /** Nobody reads it any more. */
    closed: () => void,
    /** Somebody else tells the header and what happens. */
    private readonly isQuiet = false,
  ) {
    this.writer = new BlockWriter(file, closed);
  }

  /** Events in the file. */
  get written(): number {
    return this.writer.written;
  }

  header(header: TraceHeader): void {
    if (!this.isQuiet) for (const line of headerLines(header)) this.output.talk(line);
    if (this.events) this.events.goOn(header);
    else {
      this.events = new EventPcapng(header, this.version);
      this.writer.add([this.events.begin()]);
    }
    this.numbers = numbersPackets(header.plan);
    this.flush();
  }

  event(event: TapEvent): void {
    const packet = this.numbers ? this.tracker.take(event) : undefined;
    // It only says what became of the packet of an earlier event.
    if (event.record.is('amends')) return;
    this.writer.add(this.events!.event(event, packet), 1);
  }

  flush(): void {
    this.writer.flush();
  }

  notice(text: string): void {
    this.output.talk(text);
  }

  gap({ text }: HookGap): void {
    this.output.talk(text);
  }

  /** What was received and lost; another run may go on in the same file. */
  endRun(summary: TraceSummary): void {
    this.writer.add(this.events!.end(summary));
    this.flush();
  }

  close(): void {
    this.writer.close();
  }
}
