/**
 * Takes batches out of the rings and gives events on in order. Sleeps on the rings' descriptor only while
 * idle and drains by timer while busy: a wake-up is paid by the traced kernel path.
 */
import { Merger, type Take } from '../decode/merge.js';
import { Batch } from '../decode/record.js';
import { drainEnd, type NativeBinding, type NativeSession } from '../native/binding.js';

const batchBytes = 1 << 19;
/** Batches in use at once, shared out among the rings: beyond that a ring fills, and what it loses is counted. */
const batchesMax = 16;
const busyIntervalMs = 1;
const heldIntervalMs = 10;
/** Empty rounds before the consumer goes back to sleep. */
const idleRounds = 3;
/** A program may have taken its time stamp and not yet reserved its record. */
const graceNs = 2_000_000;
/** And a function may still be running whose return amends the record of its entry. */
export const returnGraceNs = 10_000_000;
/** While it sleeps: how long a record may wait in its ring until it is read. */
const wakeUpNs = 100_000_000n;
/** Events a round, so that signals and timers get their turn. */
const eventsPerRound = 20_000;

export class Consumer {
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
  /** Bytes in a ring, the most that was seen when draining. */
  highWaterBytes = 0;

  constructor(
    private readonly native: NativeBinding,
    private readonly session: NativeSession,
    private readonly rings: number,
    private readonly take: Take,
    /** Called after a round that gave out events. */
    private readonly afterRound: () => void,
    private readonly onError: (error: unknown) => void,
    /** While true nothing is read: the rings fill, and what they lose is counted. */
    private readonly isHeld: () => boolean = () => false,
    /** How far behind the clock events are given out. */
    private readonly behindNs = graceNs,
  ) {
    this.merger = new Merger(rings, native.clocks().bootNs, (batch) => {
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
    const events = this.merger.giveOut(untilNs, this.take, eventsPerRound);
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
    const wait = events === eventsPerRound ? 0 : busyIntervalMs;
    this.timer = setTimeout(() => this.round(), wait);
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
        this.inUse[ring]! += 1;
        this.lastTimes[ring] = this.merger.add(ring, batch, bytes)!;
        written += bytes;
      }
      if (reason !== drainEnd.noRoom) return { written, isEmpty: reason === drainEnd.empty };
    }
    return { written, isEmpty: false };
  }

  /** After halt(), once the programs are detached: everything left is read and given out. */
  finish(): void {
    for (;;) {
      const { bytes, untilNs, allEmpty } = this.drainRings();
      if (allEmpty) break;
      this.merger.giveOut(bytes > 0 ? untilNs : Number.POSITIVE_INFINITY, this.take);
    }
    this.merger.giveOut(Number.POSITIVE_INFINITY, this.take);
    this.afterRound();
  }

  /** Ends the rounds at once; what is still in the rings is left there. */
  halt(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.session.pollStop();
  }
}
