/**
 * Takes batches out of the rings and gives events on in order. Sleeps on the rings' descriptor only while
 * idle and drains by timer while busy: a wake-up is paid by the traced kernel path.
 */
import { Merger, type Take } from '../decode/merge.js';
import { Batch } from '../decode/record.js';
import { drainEnd, type NativeBinding, type NativeSession } from '../native/binding.js';
import type { BatchLog, RingReader } from './log.js';

const batchBytes = 1 << 19;
/** Batches in use at once, shared out among the rings: beyond that a ring fills, and what it loses is counted. */
const batchesMax = 16;
const busyIntervalMs = 1;
const heldIntervalMs = 10;
/** While nobody waits for events and rings are far from full: a round costs as much as a hundred records. */
const lazyIntervalMs = 10;
/** Empty rounds before the consumer goes back to sleep. */
const idleRounds = 3;
/** A program may have taken its time stamp and not yet reserved its record. */
export const graceNs = 2_000_000;
/** And a function may still be running whose return amends the record of its entry. */
export const returnGraceNs = 10_000_000;
/** While it sleeps: how long a record may wait in its ring until it is read. */
export const wakeUpNs = 100_000_000n;
/** Events a round, so that signals and timers get their turn. */
const eventsPerRound = 20_000;

export interface ConsumerOptions {
  /** How far behind the clock events are given out. */
  readonly behindNs: number;
  /** CLOCK_BOOTTIME that times are counted from; absent: now. */
  readonly baseNs?: bigint;
  /** A round that read fewer bytes than this is followed by a longer rest. */
  readonly lazyBelowBytes?: number;
  /** Is told what is drained before it is put in order. */
  readonly log?: BatchLog | undefined;
  /** Called when the rings have been read and before events are given out. */
  readonly drained?: (() => void) | undefined;
}

export class Consumer implements RingReader {
  readonly merger: Merger;
  private readonly free: Batch[] = [];
  /** Batches whose records wait, by ring; each ring has its share, so that none can keep the others back. */
  private readonly inUse: number[];
  private readonly share: number;
  private readonly end = new Uint32Array(1);
  private timer: NodeJS.Timeout | undefined;
  private emptyRounds = 0;
  /** Time of the last record read from each ring. */
  private readonly lastTimes: number[];
  private stopped = false;
  private asleep = false;
  /** As the merger counts: up to here everything has been given out. */
  private givenOutNs = 0;
  private readonly behindNs: number;
  private readonly lazyBelowBytes: number;
  private readonly log: BatchLog | undefined;
  private readonly drained: (() => void) | undefined;
  /** Bytes in a ring, the most that was seen when draining. */
  highWaterBytes = 0;

  constructor(
    private readonly native: NativeBinding,
    private readonly session: NativeSession,
    private readonly rings: number,
    /** Absent: nothing is put in order, since nobody wants events. */
    private readonly take: Take | undefined,
    /** Called after a round that gave out events. */
    private readonly afterRound: () => void,
    private readonly onError: (error: unknown) => void,
    /** While true nothing is read: the rings fill, and what they lose is counted. */
    private readonly isHeld: () => boolean = () => false,
    { behindNs, baseNs, lazyBelowBytes, log, drained }: ConsumerOptions = { behindNs: graceNs },
  ) {
    this.behindNs = behindNs;
    this.log = log;
    this.drained = drained;
    this.lazyBelowBytes = lazyBelowBytes ?? 0;
    this.merger = new Merger(rings, baseNs ?? native.clocks().bootNs, (batch) => {
      this.inUse[batch.ring]! -= 1;
      this.free.push(batch);
    });
    this.inUse = new Array<number>(rings).fill(0);
    this.share = Math.max(2, Math.floor(batchesMax / rings));
    this.lastTimes = new Array<number>(rings).fill(Number.NEGATIVE_INFINITY);
  }

  start(): void {
    this.sleep();
  }

  /** What happened before this time of CLOCK_BOOTTIME has been given out. */
  get givenOutUntilNs(): bigint {
    return this.asleep ? this.native.clocks().bootNs - wakeUpNs : this.merger.bootNs(this.givenOutNs);
  }

  private sleep(): void {
    this.asleep = true;
    this.session.pollStart(() => this.wake());
  }

  private wake(): void {
    this.asleep = false;
    this.session.pollStop();
    this.round();
  }

  private round(): void {
    try {
      this.runRound();
    } catch (error) {
      this.onError(error);
    }
  }

  private runRound(): void {
    if (this.stopped) return;
    if (this.isHeld()) {
      this.timer = setTimeout(() => this.round(), heldIntervalMs);
      return;
    }
    const { bytes, untilNs } = this.drainRings();
    const events = this.giveOut(untilNs, eventsPerRound);
    this.givenOutNs = Math.max(this.givenOutNs, this.merger.givenOutUntil(untilNs));
    if (events > 0) this.afterRound();
    if (this.stopped) return;
    const idle = bytes === 0 && this.merger.waiting === 0;
    this.emptyRounds = idle ? this.emptyRounds + 1 : 0;
    if (this.emptyRounds > idleRounds) {
      this.emptyRounds = 0;
      this.sleep();
      return;
    }
    const rest = bytes < this.lazyBelowBytes ? lazyIntervalMs : busyIntervalMs;
    const wait = events === eventsPerRound ? 0 : rest;
    this.timer = setTimeout(() => this.round(), wait);
  }

  private giveOut(untilNs: number, limit?: number): number {
    this.log?.round(untilNs);
    return this.take ? this.merger.giveOut(untilNs, this.take, limit) : 0;
  }

  /** Reads every ring once; `untilNs` is the time up to which no ring can bring anything new. */
  private drainRings(): { bytes: number; untilNs: number; allEmpty: boolean } {
    let bytes = 0;
    let allEmpty = true;
    let untilNs = this.merger.relativeNs(this.native.clocks().bootNs) - this.behindNs;
    for (let ring = 0; ring < this.rings; ring += 1) {
      this.highWaterBytes = Math.max(this.highWaterBytes, this.session.fillBytes(ring));
      const { written, isEmpty } = this.drainRing(ring);
      if (!isEmpty) untilNs = Math.min(untilNs, this.lastTimes[ring]!);
      allEmpty &&= isEmpty;
      bytes += written;
    }
    this.drained?.();
    return { bytes, untilNs, allEmpty };
  }

  /** Reads one ring until it is empty or its share of batches is used up. */
  private drainRing(ring: number): { written: number; isEmpty: boolean } {
    let written = 0;
    while (this.inUse[ring]! < this.share) {
      const batch = this.free.pop() ?? new Batch(new Uint8Array(batchBytes));
      const bytes = this.session.drain(ring, batch.u8, 0, this.end);
      const reason = this.end[0]!;
      if (reason === drainEnd.damaged) throw new Error('a ring buffer holds what is no record of ours');
      if (bytes === 0) {
        this.free.push(batch);
      } else {
        this.lastTimes[ring] = this.received(ring, batch, bytes);
        written += bytes;
      }
      if (reason !== drainEnd.noRoom) return { written, isEmpty: reason === drainEnd.empty };
    }
    return { written, isEmpty: false };
  }

  /** Hands on what was drained; returns the time of the last record. */
  private received(ring: number, batch: Batch, bytes: number): number {
    const lastNs = this.log?.batch(ring, batch.u8.subarray(0, bytes)) ?? 0;
    if (this.take) {
      this.inUse[ring]! += 1;
      return this.merger.add(ring, batch, bytes)!;
    }
    this.free.push(batch);
    return lastNs;
  }

  /** After halt(), once the programs are detached: everything left is read and given out. */
  finish(): void {
    for (;;) {
      const { bytes, untilNs, allEmpty } = this.drainRings();
      if (allEmpty) break;
      this.giveOut(bytes > 0 ? untilNs : Number.POSITIVE_INFINITY);
    }
    this.giveOut(Number.POSITIVE_INFINITY);
    this.afterRound();
  }

  /** Ends the rounds at once; what is still in the rings is left there. */
  halt(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.session.pollStop();
  }
}
