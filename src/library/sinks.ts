/** Sinks that make values: events, journeys, or a comparison. */
import { ComparisonRun, isFiltered } from '../compare/run.js';
import { type FollowRequest, PacketFollower } from '../journey/follower.js';
import type { Journey } from '../journey/journey.js';
import type { EventLine } from '../lines/event.js';
import type { JourneyLine } from '../lines/journey.js';
import type { ComparisonLine } from '../lines/reports.js';
import type { HeaderLine, SummaryLine } from '../lines/run.js';
import type { RuleTraces } from '../netfilter/rule-trace.js';
import { ByteWriter } from '../render/byte-writer.js';
import { comparisonJson } from '../render/compare-json.js';
import { EventLines } from '../render/event-lines.js';
import { PathJson } from '../render/path-json.js';
import { headerJson, summaryJson } from '../render/trace-json.js';
import type { TapEvent } from '../trace/event.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import type { TraceOptions } from '../trace/options.js';
import type { TraceHeader, TraceSink, TraceSummary } from '../trace/trace.js';
import type { Feed } from './feed.js';
import { version } from './version.js';

/** What a sink tells, and to whom. */
export interface Listener<T> {
  readonly feed: Feed<T>;
  readonly begun: (header: HeaderLine) => void;
  readonly notice: (text: string) => void;
  /** As much as was asked for has been seen. */
  readonly enough: () => void;
}

/** A sink, and what it makes of the summary once the run is over. */
export interface ValueSink extends TraceSink {
  summary(summary: TraceSummary): SummaryLine;
}

export type SinkOf<T> = (listener: Listener<T>) => ValueSink;

abstract class Values<T> implements ValueSink {
  constructor(protected readonly listener: Listener<T>) {}

  header(header: TraceHeader): void {
    this.listener.begun(headerJson(header, version()));
  }

  abstract event(event: TapEvent): void;
  abstract flush(): void;
  abstract summary(summary: TraceSummary): SummaryLine;

  get isCongested(): boolean {
    return this.listener.feed.isCongested;
  }

  notice(text: string): void {
    this.listener.notice(text);
  }

  gap({ text }: HookGap): void {
    this.listener.notice(text);
  }
}

/** Events as the objects that --json prints. */
export class EventValues extends Values<EventLine> {
  private readonly out = new ByteWriter();
  private lines: EventLines | undefined;

  override header(header: TraceHeader): void {
    this.lines = new EventLines(header, this.out);
    super.header(header);
  }

  event(event: TapEvent): void {
    this.lines!.write(event, ',');
  }

  /** All objects of a round are parsed at once. */
  flush(): void {
    const { out } = this;
    if (out.length === 0) return;
    const text = Buffer.from(out.bytes.subarray(0, -1)).toString('utf8');
    out.reset(true);
    this.listener.feed.push(JSON.parse(`[${text}]`) as EventLine[]);
  }

  summary(summary: TraceSummary): SummaryLine {
    return summaryJson(summary, this.lines?.packets);
  }
}

abstract class PacketValues<T> extends Values<T> {
  protected readonly follower: PacketFollower;

  constructor(listener: Listener<T>, asked: FollowRequest) {
    super(listener);
    this.follower = new PacketFollower(asked, {
      journey: (journey) => this.journey(journey),
      enough: listener.enough,
    });
    for (const note of this.follower.notes) listener.notice(note);
  }

  protected abstract journey(journey: Journey): void;

  override header(header: TraceHeader): void {
    for (const note of this.follower.begin(header)) this.listener.notice(note);
    super.header(header);
  }

  event(event: TapEvent): void {
    this.follower.event(event);
  }

  ruleTraces(traces: RuleTraces): void {
    this.follower.rules.take(traces);
  }

  passed(bootNs: bigint): void {
    this.follower.passed(bootNs);
    this.flush();
  }

  end(): void {
    this.follower.end();
    this.flush();
  }

  summary(summary: TraceSummary): SummaryLine {
    const { packets, counts } = this.follower;
    return { ...summaryJson(summary, packets), ...counts };
  }
}

/** Packets with their whole way. */
export class JourneyValues extends PacketValues<JourneyLine> {
  private readonly json = new PathJson();
  private ready: JourneyLine[] = [];

  override header(header: TraceHeader): void {
    this.json.header(header);
    super.header(header);
  }

  override gap(gap: HookGap): void {
    this.json.gap(gap);
    super.gap(gap);
  }

  protected journey(journey: Journey): void {
    this.ready.push(JSON.parse(this.json.journey(journey)) as JourneyLine);
  }

  flush(): void {
    this.listener.feed.push(this.ready);
    this.ready = [];
  }
}

/** What the taps and the hooks saw of all packets: one value, once the run is over. */
export class ComparisonValues extends PacketValues<ComparisonLine> {
  private readonly run: ComparisonRun;

  constructor(
    listener: Listener<ComparisonLine>,
    asked: FollowRequest,
    options: Pick<TraceOptions, 'selection'>,
  ) {
    super(listener, asked);
    this.run = new ComparisonRun(isFiltered(asked, options));
  }

  override header(header: TraceHeader): void {
    this.run.header(header);
    super.header(header);
  }

  override gap(gap: HookGap): void {
    this.run.gap(gap);
    super.gap(gap);
  }

  protected journey(journey: Journey): void {
    this.run.journey(journey);
  }

  flush(): void {}

  override summary(summary: TraceSummary): SummaryLine {
    const result = this.run.result(summary, this.follower.counts);
    // As a program gets it from --json: keys that are not known are absent.
    const line = JSON.stringify(comparisonJson(result, summary.notWatched));
    this.listener.feed.push([JSON.parse(line) as ComparisonLine]);
    return super.summary(summary);
  }
}
