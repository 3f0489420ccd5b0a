/** Follows the packets that somebody asked for: filter and devices decide about packets, a count ends it. */
import { PacketFilter, verdict } from '../filter/filter.js';
import type { TapEvent } from '../trace/event.js';
import { undecidableNotes } from '../trace/filter-place.js';
import type { TraceHeader } from '../trace/trace.js';
import type { Journey } from './journey.js';
import { Tracker } from './tracker.js';

export interface FollowRequest {
  /** A packet that passes one of them anywhere is followed; none: every device. */
  readonly interfaces: readonly string[];
  /** The filter that makes a packet one to be followed. */
  readonly filter?: string;
  /** Of a recording: the filter that it was made with, which has to match too. */
  readonly recordedFilter?: string;
  /** Packets are from a recording. */
  readonly isReplay?: boolean;
  /** Packets after which to stop; absent: none. */
  readonly packets?: number;
}

export interface FollowListener {
  /** A packet that was asked for has come to its end. */
  journey(journey: Journey): void;
  /** As many as were asked for have been seen. */
  enough(): void;
}

export class PacketFollower {
  readonly tracker: Tracker;
  private readonly filters: readonly PacketFilter[];
  private devices: TraceHeader['devices'] | undefined;
  /** Packets that were asked for, so far. */
  packets = 0;

  /** Throws UsageError where a filter is none. */
  constructor(
    private readonly asked: FollowRequest,
    private readonly listener: FollowListener,
  ) {
    // What was asked for when it was recorded keeps the meaning that it had.
    const filter = asked.filter
      ? new PacketFilter(asked.filter, asked.isReplay === true ? 'file' : 'live')
      : undefined;
    const recorded = asked.recordedFilter ? new PacketFilter(asked.recordedFilter) : undefined;
    this.filters = [filter, recorded].flatMap((one) => one ?? []);
    this.tracker = new Tracker({
      isWanted: (event) => this.isWanted(event),
      onClosed: (journey, wanted) => this.closed(journey, wanted),
    });
  }

  /** For the user, before anything is attached. */
  get notes(): string[] {
    return this.filters.flatMap(({ note }) => (note ? [`filter: ${note}`] : []));
  }

  /** Gives back what the filter cannot decide, for the user. */
  begin({ devices, plan }: Pick<TraceHeader, 'devices' | 'plan'>): string[] {
    this.devices = devices;
    return this.filters.some(({ needsLinkHeader }) => needsLinkHeader) ? undecidableNotes(plan, true) : [];
  }

  event(event: TapEvent): void {
    this.tracker.take(event);
  }

  /** Journeys end while nothing happens, too. */
  passed(bootNs: bigint): void {
    this.tracker.tick(bootNs);
  }

  end(): void {
    this.tracker.finish();
  }

  private isWanted({ record, packet }: TapEvent): boolean {
    if (this.asked.interfaces.length > 0) {
      if (!record.has('ifindex')) return false;
      if (!this.devices?.isSelectedAt(record.netnsInum, record.ifindex)) return false;
    }
    return this.filters.every((filter) => filter.match(record, packet) === verdict.yes);
  }

  private closed(journey: Journey, wanted: boolean): void {
    const { packets = Number.POSITIVE_INFINITY } = this.asked;
    if (!wanted || this.packets >= packets) return;
    this.packets += 1;
    this.listener.journey(journey);
    if (this.packets === packets) this.listener.enough();
  }
}
