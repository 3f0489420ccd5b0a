/** Packets seen at stages, written down briefly: events for the tracker without a kernel. */
import type { Journey } from '../../../src/journey/journey.js';
import { Tracker, type TrackerOptions } from '../../../src/journey/tracker.js';
import type { Mechanism, StageId } from '../../../src/stages/types.js';
import { tapEvent } from '../support/events.js';

export interface Sighting {
  readonly stage: StageId;
  readonly mechanism?: Mechanism;
  /** Lower parts of the addresses; 0: the event has none. */
  readonly skb?: number;
  readonly head?: number;
  readonly netns?: number;
  readonly ifindex?: number;
  readonly linkType?: number;
  readonly cpu?: number;
  /** Microseconds; one later than the event before when absent. */
  readonly at?: number;
  /** An IP packet, without a link header. */
  readonly packet?: Uint8Array;
  /** True: of segments whose size is not known. */
  readonly gso?: boolean | number;
  /** The answer of the stage. */
  readonly verdict?: number;
  /** More bytes than are in `packet`. */
  readonly len?: number;
}

const upper = 0xffff888000000000n;
export const startNs = 10_000_000_000_000n;

export interface Result {
  readonly journeys: Journey[];
  /** Packet numbers by event. */
  readonly numbers: number[];
  readonly tracker: Tracker;
}

/** Gives the sightings to a tracker, which is finished then unless `open`. */
export function track(
  sightings: readonly Sighting[],
  options: Partial<TrackerOptions> & { readonly open?: boolean } = {},
): Result {
  const journeys: Journey[] = [];
  const tracker = new Tracker({
    isWanted: () => true,
    onClosed: (journey, wanted) => {
      if (wanted) journeys.push(journey);
    },
    ...options,
  });
  let us = 0;
  const numbers = sightings.map((sighting, index) => {
    us = sighting.at ?? us + 1;
    return tracker.take(eventOf(sighting, us, index + 1));
  });
  if (!options.open) tracker.finish();
  return { journeys, numbers, tracker };
}

function eventOf(sighting: Sighting, us: number, seq: number) {
  const { stage, mechanism, skb = 0, head = 0, netns = 1, ifindex = 0, cpu = 0 } = sighting;
  const { linkType = 1, packet, gso = false, verdict } = sighting;
  const version = packet ? packet[0]! >> 4 : 0;
  return tapEvent({
    ...{ stage, seq },
    ...(mechanism && { mechanism }),
    fields: {
      timeNs: startNs + BigInt(us) * 1000n,
      skb: upper + BigInt(skb),
      head: upper + BigInt(head),
      ...{ netnsInum: netns, ifindex, cpu, linkType, link: 1 },
      protocol: version === 6 ? 0x86dd : 0x0800,
      ...(verdict !== undefined && { verdict }),
      ...(typeof gso === 'number' && { gsoSize: gso }),
      ...(packet && { len: sighting.len ?? packet.length }),
    },
    has: [
      ...(skb ? (['skb'] as const) : []),
      ...(head ? (['head'] as const) : []),
      ...(ifindex ? (['ifindex'] as const) : []),
      ...(gso ? (['gso'] as const) : []),
      ...(verdict === undefined ? [] : (['verdict'] as const)),
      'netns',
    ],
    ...(packet && { data: packet }),
  });
}

export interface PacketSpec {
  readonly src?: string;
  readonly dst?: string;
  readonly protocol?: number;
  readonly id?: number;
  /** In bytes. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  readonly ttl?: number;
  readonly payload: Uint8Array;
}

const address = (text: string): number[] => text.split('.').map(Number);

/** An IPv4 packet; checksums stay 0. */
export function ipv4(spec: PacketSpec): Uint8Array {
  const { src = '10.0.0.1', dst = '10.0.0.2', protocol = 17, id = 1, ttl = 64, payload } = spec;
  const { fragmentOffset = 0, moreFragments = false } = spec;
  const packet = new Uint8Array(20 + payload.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  view.setUint16(2, packet.length);
  view.setUint16(4, id);
  view.setUint16(6, (fragmentOffset >> 3) | (moreFragments ? 0x2000 : 0));
  packet[8] = ttl;
  packet[9] = protocol;
  packet.set(address(src), 12);
  packet.set(address(dst), 16);
  packet.set(payload, 20);
  return packet;
}

export function udp(payload: Uint8Array, sport = 1000, dport = 2000): Uint8Array {
  const datagram = new Uint8Array(8 + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, sport);
  view.setUint16(2, dport);
  view.setUint16(4, datagram.length);
  datagram.set(payload, 8);
  return datagram;
}

export function tcp(seq: number, payload: Uint8Array, ack = 1): Uint8Array {
  const segment = new Uint8Array(20 + payload.length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, 1000);
  view.setUint16(2, 80);
  view.setUint32(4, seq);
  view.setUint32(8, ack);
  segment[12] = 0x50;
  segment.set(payload, 20);
  return segment;
}

/** Bytes that differ from those of any other number. */
export function content(number: number, bytes = 32): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (number >> ((at & 3) * 8)) + at);
}

/** A datagram with this number in it. */
export const datagram = (number: number, spec: Partial<PacketSpec> = {}): Uint8Array =>
  ipv4({ id: number & 0xffff, ...spec, payload: udp(content(number)) });
