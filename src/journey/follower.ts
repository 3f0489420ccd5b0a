/** Follows the packets that somebody asked for: filter and devices decide about packets, a count ends it. */
import { tapFilter } from '../decode/layout.generated.js';
import { PacketFilter, verdict } from '../filter/filter.js';
import type { TapEvent } from '../trace/event.js';
import { undecidableNotes } from '../trace/filter-place.js';
import { meets } from '../trace/metadata-answers.js';
import type { PacketSelection } from '../trace/packet-selection.js';
import { matchedHere } from '../trace/selection.js';
import type { TraceHeader } from '../trace/trace.js';
import type { Journey } from './journey.js';
import { type RuleCounts, RuleMatcher } from './rule-matcher.js';
import { Tracker, type TrackerCounts } from './tracker.js';

export interface FollowRequest {
  /** A packet that passes one of them anywhere is followed; none: every device. */
  readonly interfaces: readonly string[];
  /** The filter that makes a packet one to be followed. */
  readonly filter?: string;
  /** Of a recording: the filter that it was made with, which has to match too. */
  readonly recordedFilter?: string;
  /** Packets are from a recording. */
  readonly isReplay?: boolean;
  /** Of a recording: what its reader asks on top of it. */
  readonly narrower?: PacketSelection;
  /** Packets after which to stop; absent: none. */
  readonly packets?: number;
}

export interface FollowListener {
  /** A packet that was asked for has come to its end. */
  journey(journey: Journey): void;
  /** As many as were asked for have been seen. */
  enough(): void;
}

/** What became of packets, and of what nft told of them. */
export interface FollowCounts {
  readonly journeys: TrackerCounts;
  /** Absent where nft told nothing. */
  readonly nftTraces?: RuleCounts;
}

export class PacketFollower {
  readonly tracker: Tracker;
  /** Is told what nft's tracing says. */
  readonly rules = new RuleMatcher();
  /** Of the trace itself: the kernel was asked, where that could be. */
  private readonly filter: PacketFilter | undefined;
  /** What the reader of a recording asks on top of it. */
  private readonly narrower: PacketFilter | undefined;
  private devices: TraceHeader['devices'] | undefined;
  private clock: TraceHeader['names']['clock'] | undefined;
  /** Packets that were asked for, so far. */
  packets = 0;

  /** Throws UsageError where a filter is none. */
  constructor(
    private readonly asked: FollowRequest,
    private readonly listener: FollowListener,
  ) {
    const { filter, recordedFilter } = asked;
    // What was asked for when it was recorded keeps the meaning that it had.
    const own = asked.isReplay ? recordedFilter : filter;
    this.filter = own ? new PacketFilter(own) : undefined;
    this.narrower = asked.isReplay && filter ? new PacketFilter(filter, 'file') : undefined;
    this.tracker = new Tracker({
      isWanted: (event) => this.isWanted(event),
      onClosed: (journey, wanted) => this.closed(journey, wanted),
      sinceBegin: ({ record }) => this.clock!.sinceBaseNs(record.timeHigh, record.timeLow),
    });
  }

  get counts(): FollowCounts {
    const { tracker, rules } = this;
    return { journeys: tracker.counts, ...(rules.counts && { nftTraces: rules.counts }) };
  }

  /** For the user, before the first event. */
  get notes(): string[] {
    return this.narrower?.note ? [`filter: ${this.narrower.note}`] : [];
  }

  /** Gives back what the filter cannot decide, for the user. */
  begin({ devices, names, plan }: Pick<TraceHeader, 'devices' | 'names' | 'plan'>): string[] {
    this.devices = devices;
    this.clock = names.clock;
    return this.narrower?.needsLinkHeader ? undecidableNotes(plan, true) : [];
  }

  event(event: TapEvent): void {
    this.rules.see(event);
    this.tracker.take(event);
  }

  /** Journeys end while nothing happens, too. */
  passed(bootNs: bigint): void {
    this.tracker.tick(bootNs);
  }

  end(): void {
    this.tracker.finish();
  }

  private isWanted(event: TapEvent): boolean {
    const { record, packet } = event;
    const { interfaces, narrower } = this.asked;
    if (!matchedHere(record)) return false;
    if (narrower && !meets(event, narrower)) return false;
    if (interfaces.length > 0 && !this.devices?.isSelectedFor(record)) return false;
    if (this.filter && record.filterResult !== tapFilter.yes)
      if (this.filter.match(record, packet) !== verdict.yes) return false;
    return !this.narrower || this.narrower.match(record, packet) === verdict.yes;
  }

  private closed(journey: Journey, wanted: boolean): void {
    const { packets = Number.POSITIVE_INFINITY } = this.asked;
    if (!wanted || this.packets >= packets) return;
    this.packets += 1;
    this.rules.match(journey);
    this.listener.journey(journey);
    if (this.packets === packets) this.listener.enough();
  }
}
