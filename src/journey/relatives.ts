/** Packets made of packets: GSO segments, fragments, and what GRO and reassembly put together. */
import type { Headers } from './headers.js';
import { ipProtocol } from './headers.js';
import type { OpenJourney, Stretch } from './lineage.js';

/** Of one flow, or one IP id, how many packets are kept to be looked through. */
const keptMax = 64;
/** Below this no path fragments a packet (RFC 791: every host takes 576 bytes). */
const fragmentableBytes = 548;

/** Stretches of TCP streams that are remembered after their packets have ended. */
const sentMax = 16384;

/** A packet that carried this stretch. */
interface Sent extends Stretch {
  readonly packet: number;
}

/** What this event tells of the fragments that the packet is cut into; the first one may go on with its sk_buff. */
export function learnFragmentSize(whole: OpenJourney, headers: Headers): void {
  if (headers.version !== 0 && !headers.isFragment) whole.wasWhole = true;
  if (headers.moreFragments && whole.wasWhole && whole.partBytes === 0)
    whole.partBytes = headers.networkPayloadLen;
}

/** Where in the whole packet a part begins, in bytes; undefined where nothing tells. */
function startOfPart({ stretch, wasWhole }: OpenJourney, headers: Headers): number | undefined {
  if (headers.isFragment) return wasWhole ? headers.fragmentOffset : undefined;
  return stretch && headers.protocol === ipProtocol.tcp ? (headers.seq - stretch.seq) >>> 0 : undefined;
}

/** Which segment or fragment of `whole` these headers are of, counted from 1; undefined where nothing tells. */
export function partNumber(whole: OpenJourney, headers: Headers): number | undefined {
  const start = startOfPart(whole, headers);
  const { partBytes } = whole;
  return start === undefined || partBytes === 0 || start % partBytes !== 0
    ? undefined
    : start / partBytes + 1;
}

/** Sets of journeys by number, each bounded: the oldest goes first. */
class Groups {
  private readonly groups = new Map<number, Set<OpenJourney>>();

  add(key: number, journey: OpenJourney): void {
    const group = this.groups.get(key) ?? new Set();
    if (group.size === 0) this.groups.set(key, group);
    else if (group.size >= keptMax) group.delete(group.values().next().value!);
    group.add(journey);
  }

  delete(key: number, journey: OpenJourney): void {
    const group = this.groups.get(key);
    if (group?.delete(journey) && group.size === 0) this.groups.delete(key);
  }

  of(key: number): Iterable<OpenJourney> {
    return this.groups.get(key) ?? [];
  }
}

const inside = (seq: number, { seq: first, bytes }: Stretch): boolean => (seq - first) >>> 0 < bytes;

export class Relatives {
  private readonly byFlow = new Groups();
  private readonly byId = new Groups();
  /** The newest packet of each stretch, oldest first. */
  private readonly sent = new Map<number, Sent>();

  /** What this event tells of segments and fragments of its packet. `len`: the packet's bytes from `start` on. */
  learn(journey: OpenJourney, headers: Headers, start: number, len: number, segments: boolean): void {
    if (headers.version === 0) return;
    if (segments) this.learnStretch(journey, headers, start, len);
    if (headers.id !== 0 && (headers.isFragment || len > fragmentableBytes)) {
      const key = fragmentKey(headers);
      if (journey.fragmentKey === key) return;
      if (journey.fragmentKey !== undefined) this.byId.delete(journey.fragmentKey, journey);
      journey.fragmentKey = key;
      this.byId.add(key, journey);
    }
  }

  private learnStretch(journey: OpenJourney, headers: Headers, start: number, len: number): void {
    const bytes = len - (headers.payloadAt - start);
    const { stretch } = journey;
    const { flow } = headers;
    if (bytes <= 0 || (stretch && stretch.flow === flow && stretch.bytes >= bytes)) return;
    if (stretch) this.byFlow.delete(stretch.flow, journey);
    journey.stretch = { flow, seq: headers.seq, bytes };
    this.byFlow.add(flow, journey);
  }

  /** The large packet that a new one was cut from. */
  whole(headers: Headers, bytes: number): OpenJourney | undefined {
    if (headers.version === 0 || bytes <= 0) return undefined;
    for (const journey of this.byFlow.of(headers.flow)) {
      const stretch = journey.stretch!;
      if (journey.isClosed || stretch.bytes <= bytes) continue;
      if (headers.protocol !== ipProtocol.tcp || inside(headers.seq, stretch)) return journey;
    }
    return undefined;
  }

  /** Journeys of segments that lie within this one: what GRO merged into it. */
  parts(journey: OpenJourney): OpenJourney[] {
    const { stretch } = journey;
    if (!stretch) return [];
    const all = [...this.byFlow.of(stretch.flow)];
    return all.filter(
      (one) => one !== journey && one.stretch!.bytes < stretch.bytes && inside(one.stretch!.seq, stretch),
    );
  }

  /** Journeys with the same IP id and protocol: the whole and its fragments. */
  sameId(headers: Headers): OpenJourney[] {
    return headers.id === 0 ? [] : [...this.byId.of(fragmentKey(headers))];
  }

  /** Who carried what begins at the same place of a TCP stream before, however it ended; the new one is remembered. */
  sentBefore({ flow, seq }: Headers, bytes: number, packet: number): Sent | undefined {
    const key = (Math.imul(flow, 0x9e3779b1) ^ seq) >>> 0;
    const before = this.sent.get(key);
    this.sent.delete(key);
    this.sent.set(key, { flow, seq, bytes, packet });
    if (this.sent.size > sentMax) this.sent.delete(this.sent.keys().next().value!);
    return before?.flow === flow && before.seq === seq ? before : undefined;
  }

  forget(journey: OpenJourney): void {
    if (journey.stretch) this.byFlow.delete(journey.stretch.flow, journey);
    if (journey.fragmentKey !== undefined) this.byId.delete(journey.fragmentKey, journey);
  }
}

const fragmentKey = ({ id, protocol }: Headers): number => id * 256 + protocol;
