/** Observers of taps: tcpdump, and taptrace. Both end up as packets a tap, so that they can be compared. */
import {
  type Comparison,
  type Direction,
  firstDifference,
  firstLengthDifference,
  markByLength,
  type SeenPacket,
  seenInEvent,
  seenInPcap,
} from './compare.js';
import { MARKER_FRAME_BYTES, markerBytes } from './frames.js';
import { Capture, describeCapture } from './tcpdump.js';
import { type TraceEvent, type TraceResult, Tracer } from './tracer.js';
import type { End, World } from './world.js';

/** A device in one end's namespace. */
export interface Place {
  readonly end: End;
  readonly device: string;
}

/** Names a tap of a place: `va rx`. */
export function tapName(device: string, direction: Direction): string {
  return `${device} ${direction}`;
}

export function directionOf(tap: string): Direction {
  return tap.endsWith(' rx') ? 'rx' : 'tx';
}

/** Packets in order, by tap name. */
export type Taps = ReadonlyMap<string, readonly SeenPacket[]>;

/** Something that watches taps until it is stopped. */
export interface Observer<Result extends Taps> {
  /** Waits until the last of the frames marked with these texts, all there were, has been seen at every tap. */
  untilMarked(texts: readonly string[]): Promise<void>;
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
    untilMarked: async (texts) => {
      for (const { capture } of captures) await capture.until(texts.at(-1) ?? '');
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
  /** Where the kernel lets the programs read no packet memory: only lengths, order and counts are seen. */
  readonly blind?: readonly Direction[];
  /** One process for all namespaces instead of one for each. */
  readonly together?: boolean;
  /** More options for `taptrace trace`. */
  readonly args?: readonly string[];
  /** Events to expect of one marker frame in the namespace of this end; 0 where nothing of it is watched. */
  readonly eventsPerMarker: (end: End) => number;
}

/** What the tracers saw, and what else they said: one result a process. */
export class TracedTaps extends Map<string, SeenPacket[]> {
  /** How these packets are compared with those of an observer that saw bytes. */
  readonly comparison: Comparison;

  constructor(
    readonly traces: readonly TraceResult[],
    { snaplen, blind = [] }: TracerOptions,
    markers: readonly string[],
  ) {
    super();
    const isBlind = (tap: string) => blind.includes(directionOf(tap));
    this.comparison = (expected, actual, direction) =>
      (blind.includes(direction) ? firstLengthDifference : firstDifference)(expected, actual, direction);
    for (const event of traces.flatMap((trace) => trace.events)) {
      const tap = tapOfEvent(event);
      const packets = this.get(tap) ?? [];
      packets.push(seenInEvent(event, snaplen, !isBlind(tap)));
      this.set(tap, packets);
    }
    for (const [tap, packets] of this) if (isBlind(tap)) this.set(tap, markByLength(packets, markers));
  }
}

function tapOfEvent(event: TraceEvent): string {
  const direction = { 'rx-tap': 'rx', 'tx-tap': 'tx' }[event.stage];
  if (!direction || event.direction !== direction || event.ifname === undefined) {
    throw new Error(`no tap event: ${JSON.stringify({ ...event, data: undefined })}`);
  }
  return tapName(event.ifname, direction as Direction);
}

/** Watches the places with taptrace: one process a namespace, as two users would, or one for all. */
export async function observeByTracer(
  places: readonly Place[],
  options: TracerOptions,
): Promise<Observer<TracedTaps>> {
  const ends = [...new Set(places.map(({ end }) => end))];
  const groups = options.together ? [ends] : ends.map((end) => [end]);
  const tracers = await Promise.all(
    groups.map((group) => Tracer.start([...selection(places, group), ...argumentsOf(options)])),
  );
  let markers: readonly string[] = [];
  return {
    untilMarked: async (texts) => {
      markers = texts;
      const wanted = groups.map((group) => group.reduce((sum, end) => sum + options.eventsPerMarker(end), 0));
      await Promise.all(tracers.map((tracer, at) => untilMarked(tracer, texts, wanted[at]!, options)));
    },
    stop: async () =>
      new TracedTaps(await Promise.all(tracers.map((tracer) => tracer.stop())), options, markers),
  };
}

/** The options that choose the namespaces of these ends, and the devices of the places in them. */
function selection(places: readonly Place[], ends: readonly End[]): string[] {
  const devices = places.filter(({ end }) => ends.includes(end)).map(({ device }) => device);
  return [
    ...ends.flatMap(({ netns }) => ['--netns', netns.name]),
    ...devices.flatMap((device) => ['-i', device]),
  ];
}

function argumentsOf({ snaplen, args = [] }: TracerOptions): string[] {
  return ['-s', String(snaplen), ...args];
}

async function untilMarked(
  tracer: Tracer,
  texts: readonly string[],
  eventsEach: number,
  { blind = [] }: TracerOptions,
): Promise<void> {
  if (blind.length === 0) await tracer.untilData(markerBytes(texts.at(-1) ?? ''), eventsEach);
  else await tracer.untilLines(`"len":${MARKER_FRAME_BYTES},`, eventsEach * texts.length);
}
