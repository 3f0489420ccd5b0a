/** Observers of taps: tcpdump, and taptrace. Both end up as packets a tap, so that they can be compared. */
import { type SeenPacket, seenInEvent, seenInPcap } from './compare.js';
import { markerPayload } from './frames.js';
import { Capture, describeCapture } from './tcpdump.js';
import { type TraceEvent, type TraceResult, Tracer } from './tracer.js';
import type { End, World } from './world.js';

/** A device in one end's namespace. */
export interface Place {
  readonly end: End;
  readonly device: string;
}

/** Names a tap of a place: `va rx`. */
export function tapName(device: string, direction: 'rx' | 'tx'): string {
  return `${device} ${direction}`;
}

/** Packets in order, by tap name. */
export type Taps = ReadonlyMap<string, readonly SeenPacket[]>;

/** Something that watches taps until it is stopped. */
export interface Observer<Result extends Taps> {
  /** Waits until the frame marked with this text has been seen at every tap. */
  untilMarked(text: string): Promise<void>;
  stop(): Promise<Result>;
}

/** Watches both directions of the places with one tcpdump each. */
export async function observeByTcpdump(
  world: World,
  places: readonly Place[],
  label: string,
): Promise<Observer<Taps>> {
  const captures = await Promise.all(
    places.flatMap(({ end, device }) =>
      (['rx', 'tx'] as const).map(async (direction) => {
        const options = { device, direction: direction === 'rx' ? 'in' : 'out', label } as const;
        return { tap: tapName(device, direction), capture: await Capture.start(world, end, options) };
      }),
    ),
  );
  return {
    untilMarked: async (text) => {
      for (const { capture } of captures) await capture.until(text);
    },
    stop: async () => {
      const taps = captures.map(async ({ tap, capture }) => [tap, await packetsOf(capture)] as const);
      return new Map(await Promise.all(taps));
    },
  };
}

async function packetsOf(capture: Capture): Promise<SeenPacket[]> {
  const packets = await capture.stop();
  const texts = await describeCapture(capture.path);
  return packets.map((packet, at) => seenInPcap(packet, texts[at] ?? ''));
}

export interface TracerOptions {
  readonly snaplen: number;
  /** More options for `taptrace trace`. */
  readonly args?: readonly string[];
  /** Events to expect of one marker frame in the namespace of this end. */
  readonly eventsPerMarker: (end: End) => number;
}

/** What the tracers saw, and what else they said: one result an end. */
export class TracedTaps extends Map<string, SeenPacket[]> {
  constructor(
    readonly traces: readonly TraceResult[],
    snaplen: number,
  ) {
    super();
    for (const event of traces.flatMap((trace) => trace.events)) {
      const tap = tapOfEvent(event);
      const packets = this.get(tap) ?? [];
      packets.push(seenInEvent(event, snaplen));
      this.set(tap, packets);
    }
  }
}

function tapOfEvent(event: TraceEvent): string {
  const direction = { 'rx-tap': 'rx', 'tx-tap': 'tx' }[event.stage];
  if (!direction || event.direction !== direction || event.ifname === undefined) {
    throw new Error(`no tap event: ${JSON.stringify({ ...event, data: undefined })}`);
  }
  return tapName(event.ifname, direction as 'rx' | 'tx');
}

/** Watches the places with taptrace: one process a namespace, as two users would. */
export async function observeByTracer(
  places: readonly Place[],
  options: TracerOptions,
): Promise<Observer<TracedTaps>> {
  const ends = [...new Set(places.map(({ end }) => end))];
  const tracers = await Promise.all(
    ends.map((end) => {
      const devices = places.filter((place) => place.end === end).flatMap(({ device }) => ['-i', device]);
      const args = ['--netns', end.netns.name, ...devices, '-s', String(options.snaplen)];
      return Tracer.start([...args, ...(options.args ?? [])]);
    }),
  );
  return {
    untilMarked: async (text) => {
      const payload = markerPayload(text);
      await Promise.all(
        tracers.map((tracer, at) => tracer.untilData(payload, options.eventsPerMarker(ends[at]!))),
      );
    },
    stop: async () =>
      new TracedTaps(await Promise.all(tracers.map((tracer) => tracer.stop())), options.snaplen),
  };
}
