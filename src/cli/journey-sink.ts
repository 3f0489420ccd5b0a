/** Events in, journeys out: the sink of the commands that follow packets. */
import { type RungRefused, refusalBlock } from '../attach/refusal.js';
import { PacketFollower } from '../journey/follower.js';
import type { Journey } from '../journey/journey.js';
import type { TrackerCounts } from '../journey/tracker.js';
import type { RuleTraces } from '../netfilter/rule-trace.js';
import { ByteWriter } from '../render/byte-writer.js';
import { gapJson, headerJson } from '../render/trace-json.js';
import { headerLines } from '../render/trace-text.js';
import type { TapEvent } from '../trace/event.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
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
  readonly follower: PacketFollower;
  private readonly out = new ByteWriter();
  private progress = '';

  constructor(
    private readonly output: Output,
    private readonly view: JourneyView,
    { options, ...asked }: JourneyOptions,
    private readonly how: JourneySinkOptions,
  ) {
    this.follower = new PacketFollower(
      { ...asked, interfaces: options.interfaces },
      { journey: (journey) => this.journey(journey), enough: how.onEnough },
    );
    for (const note of this.follower.notes) output.talk(note);
  }

  passed(bootNs: bigint): void {
    this.follower.passed(bootNs);
    this.flush();
    this.tellProgress();
  }

  /** Nothing was printed yet: somebody at a terminal sees that packets are followed. */
  private tellProgress(): void {
    const { packets, tracker } = this.follower;
    const text = packets === 0 ? this.view.waiting?.(tracker.counts) : undefined;
    if (text === undefined || text === this.progress) return;
    this.progress = text;
    this.output.progress(text);
  }

  private endProgress(): void {
    if (this.progress !== '') this.output.progress('');
    this.progress = '';
  }

  header(header: TraceHeader): void {
    const undecidable = this.follower.begin(header);
    for (const line of [...headerLines(header), ...undecidable]) this.output.talk(line);
    if (this.how.json) this.out.text(`${JSON.stringify(headerJson(header, this.how.version))}\n`);
    this.view.header(header);
    this.flush();
  }

  private journey(journey: Journey): void {
    this.endProgress();
    const text = this.view.journey(journey);
    if (text) this.out.text(text);
  }

  event(event: TapEvent): void {
    this.follower.event(event);
  }

  ruleTraces(traces: RuleTraces): void {
    this.follower.rules.take(traces);
  }

  end(): void {
    this.endProgress();
    this.follower.end();
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
