/** Events in, journeys out: the sink of the commands that follow packets. */
import type { RungRefused } from '../attach/refusal.js';
import { refusalBlock } from '../attach/refusal.js';
import { tapFilter } from '../decode/layout.generated.js';
import { PacketFilter, verdict } from '../filter/filter.js';
import type { Journey } from '../journey/journey.js';
import { Tracker, type TrackerCounts } from '../journey/tracker.js';
import { ByteWriter } from '../render/byte-writer.js';
import { gapJson, headerJson } from '../render/trace-json.js';
import { headerLines } from '../render/trace-text.js';
import type { TapEvent } from '../trace/event.js';
import { undecidableNotes } from '../trace/filter-place.js';
import { meets } from '../trace/metadata-answers.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import { matchedHere } from '../trace/selection.js';
import type { TraceHeader, TraceSink } from '../trace/trace.js';
import type { JourneyOptions } from './journey-options.js';
import type { Output } from './output.js';

/** What a command does with journeys. */
export interface JourneyView {
  header(header: TraceHeader): void;
  /** Text or a JSON line for this journey, with its newline; empty: nothing to print yet. */
  journey(journey: Journey): string;
  /** For somebody who waits at a terminal while nothing was printed yet. */
  waiting?(counts: TrackerCounts): string;
  /** Chains of a namespace may have been named wrong for a while. */
  gap?(gap: HookGap): void;
}

export interface JourneySinkOptions {
  readonly json: boolean;
  readonly debug: boolean;
  readonly version: string;
  /** The packets asked for have been seen. */
  readonly onEnough: () => void;
}

export class JourneySink implements TraceSink {
  readonly tracker: Tracker;
  private readonly out = new ByteWriter();
  /** Of the trace itself: the kernel was asked, where that could be. */
  private readonly filter: PacketFilter | undefined;
  /** What the reader of a recording asks on top of it. */
  private readonly narrower: PacketFilter | undefined;
  private devices: TraceHeader['devices'] | undefined;
  private clock: TraceHeader['names']['clock'] | undefined;
  private progress = '';
  /** Wanted packets so far. */
  packets = 0;

  constructor(
    private readonly output: Output,
    private readonly view: JourneyView,
    private readonly asked: JourneyOptions,
    private readonly how: JourneySinkOptions,
  ) {
    const { filter, recordedFilter } = asked;
    // What was asked for when it was recorded keeps the meaning that it had.
    const own = asked.isReplay ? recordedFilter : filter;
    this.filter = own ? new PacketFilter(own) : undefined;
    this.narrower = asked.isReplay && filter ? new PacketFilter(filter, 'file') : undefined;
    if (this.narrower?.note) output.talk(`filter: ${this.narrower.note}`);
    this.tracker = new Tracker({
      isWanted: (event) => this.isWanted(event),
      onClosed: (journey, wanted) => this.closed(journey, wanted),
      sinceBegin: ({ record }) => this.clock!.sinceBaseNs(record.timeHigh, record.timeLow),
    });
  }

  /** Journeys end while nothing happens, too. */
  passed(bootNs: bigint): void {
    this.tracker.tick(bootNs);
    this.flush();
    this.tellProgress();
  }

  /** Nothing was printed yet: somebody at a terminal sees that packets are followed. */
  private tellProgress(): void {
    const text = this.packets === 0 ? this.view.waiting?.(this.tracker.counts) : undefined;
    if (text === undefined || text === this.progress) return;
    this.progress = text;
    this.output.progress(text);
  }

  private endProgress(): void {
    if (this.progress !== '') this.output.progress('');
    this.progress = '';
  }

  header(header: TraceHeader): void {
    this.devices = header.devices;
    this.clock = header.names.clock;
    const undecidable = this.narrower?.needsLinkHeader ? undecidableNotes(header.plan, true) : [];
    for (const line of [...headerLines(header), ...undecidable]) this.output.talk(line);
    if (this.how.json) this.out.text(`${JSON.stringify(headerJson(header, this.how.version))}\n`);
    this.view.header(header);
    this.flush();
  }

  private isWanted(event: TapEvent): boolean {
    const { record, packet } = event;
    const { options, narrower } = this.asked;
    if (!matchedHere(record)) return false;
    if (narrower && !meets(event, narrower)) return false;
    if (options.interfaces.length > 0 && !this.devices?.isSelectedFor(record)) return false;
    if (this.filter && record.filterResult !== tapFilter.yes)
      if (this.filter.match(record, packet) !== verdict.yes) return false;
    return !this.narrower || this.narrower.match(record, packet) === verdict.yes;
  }

  private closed(journey: Journey, wanted: boolean): void {
    const { packets = Number.POSITIVE_INFINITY } = this.asked;
    if (!wanted || this.packets >= packets) return;
    this.endProgress();
    this.packets += 1;
    const text = this.view.journey(journey);
    if (text) this.out.text(text);
    if (this.packets === packets) this.how.onEnough();
  }

  event(event: TapEvent): void {
    this.tracker.take(event);
  }

  end(): void {
    this.endProgress();
    this.tracker.finish();
    this.flush();
  }

  flush(): void {
    if (this.out.length > 0) this.out.reset(this.output.data(this.out.bytes));
  }

  get isCongested(): boolean {
    return this.output.isCongested;
  }

  /** A line of its own where programs read; for people it is told as it happens. */
  gap(gap: HookGap): void {
    this.notice(gap.text);
    if (this.how.json) this.out.text(`${JSON.stringify(gapJson(gap))}\n`);
    this.view.gap?.(gap);
  }

  notice(text: string): void {
    this.endProgress();
    this.output.talk(text);
  }

  refused(refused: RungRefused): void {
    if (this.how.debug) this.output.block(refusalBlock(refused));
  }
}
