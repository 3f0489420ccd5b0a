/**
 * Puts events together to journeys, as they come. Addresses of sk_buffs and of their memory lead to the packet; content
 * and the order of stages decide, since both addresses are used again within microseconds. Pure: it knows records, and
 * nothing of the kernel they came from.
 */
import type { TapEvent } from '../trace/event.js';
import { compareFingerprints, type Fingerprint, fingerprint } from './fingerprint.js';
import { Headers, ipProtocol } from './headers.js';
import type { Branch, CloseReason, Journey, Relation } from './journey.js';
import { Known } from './known.js';
import { allEnded, type Lineage, type OpenJourney } from './lineage.js';
import { learnFragmentSize, partNumber, Relatives } from './relatives.js';
import { type Step, StepStore } from './step.js';
import { isDelivered, type Position, transitionOf } from './transition.js';
import { isTakenByXdp } from './verdict.js';
import { WaitingRoom } from './waiting.js';

const openMax = 16384;
/** A packet in a loop is shown up to here. */
const eventsMax = 4096;
/** A packet that is not queued anywhere is from one stage to the next in less. */
const onTheWayNs = 1e6;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

export interface TrackerOptions {
  /** Whether this event makes its packet one that was asked for. */
  readonly isWanted: (event: TapEvent) => boolean;
  /** A journey is complete; `wanted`: one of its events was asked for. */
  readonly onClosed: (journey: Journey, wanted: boolean) => void;
  /** Nanoseconds since recording began; absent: not known. */
  readonly sinceBegin?: (event: TapEvent) => number;
  /** False where only the packets' numbers are of interest. */
  readonly keepSteps?: boolean;
  readonly openMax?: number;
}

export interface TrackerCounts {
  readonly packets: number;
  readonly open: number;
  readonly closed: Readonly<Record<CloseReason, number>>;
  /** Journeys with something in them that is a guess. */
  readonly guessed: number;
  /** Packets that were asked for and on their way when recording began or ended: not seen whole, so not given as wanted. */
  readonly partial: number;
}

/** Where an event belongs. */
interface Place {
  readonly lineage: Lineage;
  readonly guess?: string;
}

export class Tracker {
  private readonly store = new StepStore();
  private readonly known = new Known();
  private readonly relatives = new Relatives();
  private readonly waiting: WaitingRoom;
  private readonly journeys = new Set<OpenJourney>();
  /** By CPU: what was handed to a driver and has not come back, innermost last (virtual devices send on at once). */
  private readonly inDriver: Lineage[][] = [];
  private readonly headers = new Headers();
  private readonly print: Fingerprint = { numbers: 0, payload: 0 };
  private readonly openMax: number;
  private packets = 0;
  private guessed = 0;
  private partial = 0;
  /** Everything that came before has been taken. */
  private nowNs = 0;
  private start: { high: number; low: number } | undefined;
  private readonly closedCounts: Record<CloseReason, number> = {
    ...{ ended: 0, delivered: 0, merged: 0, replaced: 0 },
    ...{ idle: 0, limit: 0, stopped: 0 },
  };

  constructor(private readonly options: TrackerOptions) {
    this.openMax = options.openMax ?? openMax;
    this.waiting = new WaitingRoom(
      ({ lineages }) => lineages.some(({ ended, last }) => !ended && isDelivered(last)),
      (journey, why) => this.close(journey, why),
    );
  }

  /** Adds one event; events must come in order of time. Returns the number of its packet, 0 where it cannot be told. */
  take(event: TapEvent): number {
    const { record } = event;
    this.start ??= { high: record.timeHigh, low: record.timeLow };
    const atNs = this.since(record.timeHigh, record.timeLow);
    this.waiting.tick(atNs);
    if (record.is('amends')) return this.amended(event, atNs);
    fingerprint(this.headers, this.headers.read(event.packet), this.print);
    const at = positionOf(event);
    const { lineage, guess } = this.place(event, at, atNs);
    this.add(event, lineage, at, atNs, guess);
    return lineage.journey.packet;
  }

  /** A function's answer that came when its packet's event had been given out: it goes where the packet is, or was. */
  private amended(event: TapEvent, atNs: number): number {
    const lineage = this.known.skb(skbOf(event));
    if (!lineage) return 0;
    lineage.journey.events += 1;
    this.step(event, lineage, atNs);
    return lineage.journey.packet;
  }

  /** Nanoseconds since the first event. */
  private since(high: number, low: number): number {
    const { start } = this;
    return start ? (high - start.high) * 2 ** 32 + (low - start.low) : 0;
  }

  private place(event: TapEvent, at: Position, atNs: number): Place {
    const skb = skbOf(event);
    const head = headOf(event);
    if (event.stage.id === 'xmit-done') {
      const handed = this.takeFromDriver(at.cpu, skb);
      if (handed) return { lineage: handed };
    }
    return (
      this.bySkb(event, at, skb, head) ??
      this.byHead(event, at, skb, head) ??
      this.byContent(event, at, skb, head) ??
      this.newJourney(event, at, atNs)
    );
  }

  /** The same sk_buff, if this can be the same packet still. */
  private bySkb(event: TapEvent, at: Position, skb: number, head: number): Place | undefined {
    const lineage = this.known.skb(skb);
    if (!lineage) return undefined;
    const place = this.goesOn(lineage, event, at, head);
    if (!place) this.replaced(lineage);
    return place;
  }

  private goesOn(lineage: Lineage, event: TapEvent, at: Position, head: number): Place | undefined {
    const content = compareFingerprints(lineage.print, this.print);
    const transition = transitionOf(lineage.last, at);
    if (event.stage.id === 'delivery') return content === 'different' ? undefined : { lineage };
    if (transition === 'birth' || transition === 'backward') return undefined;
    if (content === 'same') return this.isSentAnew(lineage, event) ? undefined : { lineage };
    if (content === 'unknown') {
      if (head === 0 || lineage.head === 0 || head === lineage.head) return { lineage };
      return { lineage, guess: 'the same sk_buff with other memory, and its bytes say nothing' };
    }
    if (lineage.isFragment && this.isReassemblyOf(lineage.journey)) return { lineage };
    if (this.print.numbers === lineage.print.numbers && head === lineage.head && this.isNumbered())
      return { lineage };
    if (transition === 'handover' && isOpaqueDevice(lineage))
      return { lineage, guess: 'a tunnel device gave the same sk_buff other bytes: encrypted or decrypted' };
    return undefined;
  }

  /** Behind a driver only a tunnel comes back to LOCAL_OUT, with one more header. */
  private isSentAnew({ last, tunnels }: Lineage, { stage }: TapEvent): boolean {
    return stage.id === 'nf-output' && last.stage.id !== 'nf-output' && this.headers.tunnels <= tunnels;
  }

  private isReassemblyOf(journey: OpenJourney): boolean {
    return !this.headers.isFragment && this.relatives.sameId(this.headers).includes(journey);
  }

  /** The sender's numbers alone tell its packets apart. */
  private isNumbered(): boolean {
    return this.headers.id !== 0 || this.headers.protocol === ipProtocol.tcp;
  }

  /** Another sk_buff for memory that is known: a clone, or the sender's own memory sent once more. */
  private byHead(event: TapEvent, at: Position, skb: number, head: number): Place | undefined {
    const origin = this.known.head(head);
    // At LOCAL_OUT every sk_buff that is new is a packet that is new: TCP clones what it keeps for retransmission.
    if (!origin || event.stage.id === 'nf-output') return undefined;
    const content = compareFingerprints(origin.print, this.print);
    if (content === 'different') return undefined;
    const transition = transitionOf(origin.last, at);
    const isEnd = event.stage.layer === 'end';
    const guess = content === 'unknown' ? 'the same memory, and its bytes say nothing' : undefined;
    // A frame gets its sk_buff behind XDP.
    if (skb === 0 || isFrame(origin))
      return transition === 'backward' ? undefined : { lineage: origin, ...(guess && { guess }) };
    if (!isEnd && (transition === 'birth' || transition === 'backward' || transition === 'again'))
      return undefined;
    if (!isEnd && isSamePlace(origin.journey.first, at)) return undefined;
    const kind = isTapClone(event) ? 'tap-clone' : 'clone';
    const lineage = this.branch(origin, kind, at);
    return { lineage, ...(guess && { guess }) };
  }

  /** Other memory with the same content: a copy, or an event that has no addresses. */
  private byContent(event: TapEvent, at: Position, skb: number, head: number): Place | undefined {
    const { id } = event.stage;
    if (id === 'nf-output' || this.headers.isFragment || this.print.payload === 0) return undefined;
    const flow = this.headers.version === 0 ? 0 : this.headers.flow;
    for (const one of this.known.content(this.print)) {
      const transition = transitionOf(one.last, at);
      if (transition !== 'onward' && transition !== 'handover') continue;
      if (one.flow !== flow || isSamePlace(one.journey.first, at)) continue;
      if (one.journey.stretch && this.relatives.whole(this.headers, this.payloadBytes(event))) continue;
      const isHere = one.last.cpu === at.cpu;
      if (id === 'xdp' || isFrame(one)) {
        const guess = isHere ? undefined : 'known by its content alone, on another CPU';
        // A driver that has to make room for XDP copies what it was handed and frees that first (drivers/net/veth.c).
        const lineage = one.ended && !isFrame(one) ? this.branch(one, 'copy', at) : one;
        return { lineage, ...(guess && { guess }) };
      }
      if (skb === 0 && head === 0) {
        if (one.ended) continue;
        if (isHere) return { lineage: one };
        return { lineage: one, guess: 'known by its content alone' };
      }
      const guess = 'a copy, known by its content alone';
      return { lineage: this.branch(one, 'copy', at), guess };
    }
    return undefined;
  }

  private payloadBytes({ packet }: TapEvent): number {
    return packet.len - (this.headers.payloadAt - packet.offset);
  }

  private branch(origin: Lineage, kind: Branch['kind'], at: Position): Lineage {
    const { journey } = origin;
    journey.branches.push({ kind, from: origin.index });
    return this.lineage(journey, at);
  }

  private lineage(journey: OpenJourney, at: Position): Lineage {
    const lineage: Lineage = {
      journey,
      index: journey.lineages.length,
      skb: 0,
      head: 0,
      last: at,
      print: { numbers: 0, payload: 0 },
      flow: 0,
      isFragment: false,
      tunnels: 0,
      ended: false,
    };
    journey.lineages.push(lineage);
    // All its other ones may have ended.
    journey.endedNs = 0;
    return lineage;
  }

  private newJourney(event: TapEvent, at: Position, atNs: number): Place {
    if (this.journeys.size >= this.openMax) this.close(this.journeys.values().next().value!, 'limit');
    this.packets += 1;
    const journey: OpenJourney = {
      packet: this.packets,
      steps: [],
      events: 0,
      branches: [{ kind: 'packet' }],
      lineages: [],
      first: at,
      parents: [],
      children: [],
      wanted: false,
      guessed: false,
      onlyFreed: true,
      isPartial: (this.options.sinceBegin?.(event) ?? Number.POSITIVE_INFINITY) < onTheWayNs,
      firstNs: atNs,
      lastNs: atNs,
      endedNs: 0,
      isClosed: false,
      stretch: undefined,
      fragmentKey: undefined,
      wasWhole: false,
      partBytes: 0,
    };
    this.journeys.add(journey);
    this.waiting.opened(journey);
    const lineage = this.lineage(journey, at);
    this.findParents(journey, event);
    return { lineage };
  }

  /** What a new packet was made from. */
  private findParents(journey: OpenJourney, event: TapEvent): void {
    const { headers } = this;
    if ((event.stage.layer === 'end' && headers.version === 0) || this.isFreedPart(event)) return;
    if (headers.isFragment) {
      const whole = this.relatives.sameId(headers).find((one) => !one.isClosed);
      if (whole) this.isFragmentOf(whole, journey);
      return;
    }
    const bytes = this.payloadBytes(event);
    const hasData = headers.protocol === ipProtocol.tcp && bytes > 0 && event.stage.layer !== 'end';
    const before = hasData ? this.relatives.sentBefore(headers, bytes, journey.packet) : undefined;
    const large = this.relatives.whole(headers, bytes);
    // What was cut from a large packet is shorter than what began there before; what is sent again is not.
    if (before && (before.bytes <= bytes || !large)) this.sentAgain(journey, before.packet);
    else if (large) {
      const guess = headers.protocol === ipProtocol.tcp ? undefined : 'the same flow as a large datagram';
      this.relate(large, journey, 'gso-segment', { part: partNumber(large, headers), guess });
    }
  }

  /** All fragments are of one size but the last. */
  private isFragmentOf(whole: OpenJourney, journey: OpenJourney): void {
    learnFragmentSize(whole, this.headers);
    this.relate(whole, journey, 'fragment', { part: partNumber(whole, this.headers) });
  }

  /** The packet that carried it first has ended, mostly. */
  private sentAgain(journey: OpenJourney, before: number): void {
    const first = [...this.journeys].find(({ packet }) => packet === before);
    if (first) this.relate(first, journey, 'retransmission');
    else journey.parents.push({ packet: before, how: 'retransmission' });
  }

  /** The fragments that became a whole are freed with it: none of them is a packet of its own any more. */
  private isFreedPart({ stage }: TapEvent): boolean {
    if (stage.layer !== 'end' || !this.headers.isFragment) return false;
    const same = this.relatives.sameId(this.headers);
    return same.some(({ parents }) => parents.some(({ how }) => how === 'reassembly'));
  }

  private relate(
    parent: OpenJourney,
    child: OpenJourney,
    how: Relation['how'],
    { part, guess }: { readonly part?: number | undefined; readonly guess?: string | undefined } = {},
  ): void {
    const relation = { how, ...(part && { part }), ...(guess && { guess }) };
    parent.children.push({ packet: child.packet, ...relation });
    child.parents.push({ packet: parent.packet, ...relation });
    parent.wanted ||= child.wanted;
    child.wanted ||= parent.wanted;
    if (guess) this.isGuess(child);
  }

  private isGuess(journey: OpenJourney): void {
    if (!journey.guessed) this.guessed += 1;
    journey.guessed = true;
  }

  private add(event: TapEvent, lineage: Lineage, at: Position, atNs: number, guess?: string): void {
    const { journey } = lineage;
    const { stage, record, packet } = event;
    const isEnd = stage.layer === 'end';
    if (guess) this.isGuess(journey);
    journey.lastNs = atNs;
    journey.events += 1;
    const isFreed = stage.id === 'consume' || (journey.events === 1 && this.isFreedPart(event));
    if (!isFreed) journey.onlyFreed = false;
    if (!isEnd && journey.first.stage.layer === 'end') journey.first = at;
    const step = this.step(event, lineage, atNs, guess);
    // What XDP sent back or redirected comes out elsewhere.
    if (!isEnd && lineage.ended && isFrame(lineage)) this.goesOnAfterAll(lineage);
    if (!isEnd) this.known.bind(lineage, skbOf(event), headOf(event));
    this.known.carries(lineage, this.print);
    if (this.headers.version !== 0) lineage.flow = this.headers.flow;
    if (lineage.isFragment && this.isReassemblyOf(journey)) this.mergeFragments(journey);
    if (!isEnd) this.moved(event, lineage, at);
    if (isEnd || isTakenByXdp(event)) this.ended(lineage, step, atNs);
    if (record.has('gso')) journey.partBytes = record.gsoSize;
    const hasSegments = record.has('gso') || stage.id === 'gro';
    this.relatives.learn(journey, this.headers, packet.offset, packet.len, hasSegments);
    if (record.has('gso') && stage.direction === 'rx') this.mergeParts(journey);
    journey.wanted ||= this.options.isWanted(event);
    if (journey.events >= eventsMax && !journey.isClosed) this.close(journey, 'limit');
  }

  private step(event: TapEvent, { journey, index }: Lineage, atNs: number, guess?: string): Step | undefined {
    if (this.options.keepSteps === false) return undefined;
    const step = this.store.keep(event, atNs, index, guess);
    journey.steps.push(step);
    return step;
  }

  private moved(event: TapEvent, lineage: Lineage, at: Position): void {
    const { stage } = event;
    if (stage.id === 'delivery') return;
    const { headers } = this;
    lineage.isFragment = headers.isFragment;
    learnFragmentSize(lineage.journey, headers);
    lineage.tunnels = headers.tunnels;
    // The driver's answer comes when a virtual device has sent the packet on long ago.
    if (stage.id !== 'xmit-done' || lineage.last.stage.id === 'start-xmit') lineage.last = at;
    if (lineage.ended) this.goesOnAfterAll(lineage);
    if (stage.id === 'start-xmit') this.driverOf(at.cpu).push(lineage);
  }

  /** What was taken for its end was that of a clone, or of its way through one device. */
  private goesOnAfterAll(lineage: Lineage): void {
    lineage.ended = false;
    lineage.journey.endedNs = 0;
  }

  private driverOf(cpu: number): Lineage[] {
    this.inDriver[cpu] ??= [];
    return this.inDriver[cpu];
  }

  private takeFromDriver(cpu: number, skb: number): Lineage | undefined {
    const handed = this.driverOf(cpu);
    const found = handed.findLastIndex((lineage) => lineage.skb === skb);
    const lineage = handed[found];
    // Without xmit-done among the stages this only grows: what is below the newest few has come back long ago.
    if (found >= 0) handed.length = found;
    else if (handed.length > 64) handed.splice(0, 32);
    return lineage;
  }

  private ended(lineage: Lineage, step: Step | undefined, atNs: number): void {
    const { journey } = lineage;
    lineage.ended = true;
    this.known.unbindSkb(lineage);
    if (step) journey.branches[lineage.index]!.end = step;
    if (!allEnded(journey)) return;
    // The first event of a run is at 0, which stands for not yet.
    journey.endedNs = atNs || 1;
    this.waiting.ended(journey);
  }

  /** Another packet has the sk_buff now, and no end was seen. */
  private replaced(lineage: Lineage): void {
    const { journey } = lineage;
    lineage.ended = true;
    this.known.unbindSkb(lineage);
    if (journey.isClosed || !allEnded(journey)) return;
    this.close(journey, isDelivered(lineage.last) ? 'delivered' : 'replaced');
  }

  /** Reassembly goes on with one of the fragments' sk_buffs. */
  private mergeFragments(whole: OpenJourney): void {
    for (const one of this.relatives.sameId(this.headers)) {
      if (one === whole || one.isClosed) continue;
      this.relate(one, whole, 'reassembly');
      this.close(one, 'merged');
    }
  }

  private mergeParts(whole: OpenJourney): void {
    for (const part of this.relatives.parts(whole)) {
      if (part.isClosed || part.lineages.some(({ last }) => last.stage.id !== 'gro')) continue;
      this.relate(part, whole, 'gro-merge');
      this.close(part, 'merged');
    }
  }

  private close(journey: OpenJourney, closed: CloseReason): void {
    if (journey.isClosed) return;
    journey.isClosed = true;
    this.journeys.delete(journey);
    this.known.forget(journey);
    this.relatives.forget(journey);
    this.closedCounts[closed] += 1;
    const { packet, steps, branches, parents, children, onlyFreed, isPartial } = journey;
    const wanted = journey.wanted && !onlyFreed;
    if (wanted && isPartial) this.partial += 1;
    this.options.onClosed({ packet, steps, branches, parents, children, closed }, wanted && !isPartial);
  }

  /** Where all that came by now has been taken. */
  private isOnTheWay({ lastNs }: OpenJourney): boolean {
    return lastNs <= this.nowNs && this.nowNs - lastNs < onTheWayNs;
  }

  /** Closes what is due at this time of CLOCK_BOOTTIME; call it while no events come. */
  tick(nowNs: bigint): void {
    if (!this.start) return;
    this.nowNs = this.since(Number(nowNs >> 32n), Number(nowNs & 0xffffffffn));
    this.waiting.tick(this.nowNs);
  }

  /** Closes everything that is still open. */
  finish(): void {
    for (const journey of [...this.journeys]) {
      const isEnded = journey.endedNs !== 0;
      journey.isPartial ||= !isEnded && this.isOnTheWay(journey);
      this.close(journey, isEnded ? 'ended' : this.isQuietlyDelivered(journey));
    }
  }

  private isQuietlyDelivered({ lineages }: OpenJourney): CloseReason {
    return lineages.some(({ ended, last }) => !ended && isDelivered(last)) ? 'delivered' : 'stopped';
  }

  get counts(): TrackerCounts {
    const { packets, guessed, partial, closedCounts } = this;
    return { packets, guessed, partial, open: this.journeys.size, closed: closedCounts };
  }
}

const skbOf = ({ record }: TapEvent): number =>
  record.has('skb') ? (record.skbHigh & 0xffff) * 2 ** 32 + record.skbLow : 0;
const headOf = ({ record }: TapEvent): number =>
  record.has('head') ? (record.headHigh & 0xffff) * 2 ** 32 + record.headLow : 0;

const isTapClone = ({ stage, attachment }: TapEvent): boolean =>
  stage.id === 'delivery' || (stage.id === 'tx-tap' && attachment.mechanism === 'packet_socket');

/** It has no sk_buff yet, only memory. */
const isFrame = ({ skb, last }: Lineage): boolean => skb === 0 && last.stage.id === 'xdp';

/** Devices whose packets have no frame around them carry other packets: WireGuard, IPsec, tun. */
const isOpaqueDevice = ({ last }: Lineage): boolean =>
  last.linkType !== 0 && last.linkType !== ARPHRD_ETHER && last.linkType !== ARPHRD_LOOPBACK;

/** Copies go on from where a packet was: what is where the packet began is another one, with the same bytes. */
const isSamePlace = (a: Position, b: Position): boolean =>
  a.stage === b.stage && a.netnsInum === b.netnsInum && a.ifindex === b.ifindex;

function positionOf({ record, stage, hook }: TapEvent): Position {
  return {
    stage,
    netnsInum: record.has('netns') ? record.netnsInum : 0,
    ifindex: record.has('ifindex') ? record.ifindex : 0,
    linkType: record.has('linkType') ? record.linkType : 0,
    cpu: record.cpu,
    bracket: hook?.index ?? 0,
  };
}
