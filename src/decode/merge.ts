/**
 * Events of several rings in one order: (time, cpu, place in the ring). Events are held back until every
 * ring has been read past them; what comes later than that is given out at once and marked late.
 */
import { amend, isAmendedBy, isAmendment } from './amend.js';
import { tapRecord } from './layout.generated.js';
import type { Batch } from './record.js';
import { SequenceGaps } from './sequence-gaps.js';

/** How far back an amended record may lie: nothing but what the same function caused lies between. */
const amendableRecords = 256;

/** Records of one ring that wait for their turn, in order of time. */
class RingQueue {
  private times = new Float64Array(1024);
  private offsets = new Uint32Array(1024);
  private batches: (Batch | undefined)[] = new Array(1024);
  private gaps = new Int32Array(1024);
  private head = 0;
  private tail = 0;

  get isEmpty(): boolean {
    return this.head === this.tail;
  }
  get headTime(): number {
    return this.times[this.head]!;
  }
  get headBatch(): Batch {
    return this.batches[this.head]!;
  }
  get headOffset(): number {
    return this.offsets[this.head]!;
  }
  get headGap(): number {
    return this.gaps[this.head]!;
  }

  /** Nearly always an append; a program that was interrupted between clock and reserve comes out of order. */
  push(time: number, batch: Batch, offset: number, gap: number): void {
    if (this.tail === this.times.length) this.makeRoom();
    let place = this.tail;
    while (place > this.head && this.times[place - 1]! > time) {
      this.times[place] = this.times[place - 1]!;
      this.offsets[place] = this.offsets[place - 1]!;
      this.batches[place] = this.batches[place - 1];
      this.gaps[place] = this.gaps[place - 1]!;
      place -= 1;
    }
    this.times[place] = time;
    this.offsets[place] = offset;
    this.batches[place] = batch;
    this.gaps[place] = gap;
    this.tail += 1;
  }

  /** Puts what an amendment says into the record that it is about; false where that has been given out already. */
  amend(amendment: Batch, at: number): boolean {
    const end = Math.max(this.head, this.tail - amendableRecords);
    for (let place = this.tail - 1; place >= end; place -= 1) {
      const batch = this.batches[place]!;
      const offset = this.offsets[place]!;
      if (!isAmendedBy(batch, offset, amendment, at)) continue;
      amend(batch, offset, amendment, at);
      return true;
    }
    return false;
  }

  pop(): void {
    this.batches[this.head] = undefined;
    this.head += 1;
    if (this.head === this.tail) this.head = this.tail = 0;
  }

  private makeRoom(): void {
    const count = this.tail - this.head;
    const size = count * 2 > this.times.length ? this.times.length * 2 : this.times.length;
    const times = new Float64Array(size);
    const offsets = new Uint32Array(size);
    const gaps = new Int32Array(size);
    times.set(this.times.subarray(this.head, this.tail));
    offsets.set(this.offsets.subarray(this.head, this.tail));
    gaps.set(this.gaps.subarray(this.head, this.tail));
    this.batches = this.batches.slice(this.head, this.tail);
    this.batches.length = size;
    this.times = times;
    this.offsets = offsets;
    this.gaps = gaps;
    this.head = 0;
    this.tail = count;
  }
}

/** `gap`: records that are missing before it (SequenceGaps). */
export type Take = (batch: Batch, offset: number, late: boolean, gap: number) => void;

export class Merger {
  private readonly queues: RingQueue[];
  private readonly gaps: SequenceGaps;
  /** Times inside are nanoseconds since this, which a Number holds exactly for 104 days. */
  private readonly baseNs: bigint;
  private readonly baseHigh: number;
  private readonly baseLow: number;
  private givenOut = Number.NEGATIVE_INFINITY;
  late = 0;
  /** Events that wait. */
  waiting = 0;

  constructor(
    rings: number,
    baseNs: bigint,
    /** Gets every batch back once its last record was given out. */
    private readonly release: (batch: Batch) => void = () => undefined,
  ) {
    this.queues = Array.from({ length: rings }, () => new RingQueue());
    this.gaps = new SequenceGaps(rings);
    this.baseNs = baseNs;
    this.baseHigh = Number(baseNs >> 32n);
    this.baseLow = Number(baseNs & 0xffffffffn);
  }

  /** Nanoseconds since the base, for a CLOCK_BOOTTIME value. */
  relativeNs(bootNs: bigint): number {
    return Number(bootNs - this.baseNs);
  }

  /** And back. */
  bootNs(relativeNs: number): bigint {
    return this.baseNs + BigInt(relativeNs);
  }

  /** Of what is not later than `untilNs`, up to when everything has been given out. */
  givenOutUntil(untilNs: number): number {
    return Math.min(untilNs, this.earliest()?.headTime ?? untilNs);
  }

  /** The time of a record, in nanoseconds since the base. */
  timeAt(batch: Batch, offset: number): number {
    const word = (offset + tapRecord.timeNs) >> 2;
    return (batch.u32[word + 1]! - this.baseHigh) * 0x1_0000_0000 + (batch.u32[word]! - this.baseLow);
  }

  /** Queues the records in the batch's first `usedBytes`; returns the time of the last one, if there is one. */
  add(ring: number, batch: Batch, usedBytes: number): number | undefined {
    const queue = this.queues[ring]!;
    batch.ring = ring;
    let time: number | undefined;
    for (let offset = 0; offset < usedBytes; ) {
      time = this.timeAt(batch, offset);
      const amends = isAmendment(batch, offset);
      if (!amends || !queue.amend(batch, offset)) {
        queue.push(time, batch, offset, amends ? 0 : this.gaps.before(ring, batch, offset));
        batch.pending += 1;
      }
      offset += batch.u32[(offset + tapRecord.recordLen) >> 2]!;
    }
    this.waiting += batch.pending;
    if (batch.pending === 0) this.release(batch);
    return time;
  }

  /** Gives out, in order, what is not later than `untilNs` (relative to the base), at most `limit` events. */
  giveOut(untilNs: number, take: Take, limit = Number.POSITIVE_INFINITY): number {
    let count = 0;
    for (; count < limit; count += 1) {
      const queue = this.earliest();
      if (!queue || queue.headTime > untilNs) break;
      const late = queue.headTime < this.givenOut;
      if (late) this.late += 1;
      else this.givenOut = queue.headTime;
      const batch = queue.headBatch;
      const offset = queue.headOffset;
      const gap = queue.headGap;
      queue.pop();
      take(batch, offset, late, gap);
      this.waiting -= 1;
      batch.pending -= 1;
      if (batch.pending === 0) this.release(batch);
    }
    return count;
  }

  private earliest(): RingQueue | undefined {
    let best: RingQueue | undefined;
    for (const queue of this.queues) {
      if (!queue.isEmpty && (!best || queue.headTime < best.headTime)) best = queue;
    }
    return best;
  }
}
