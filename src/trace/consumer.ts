/**
 * Takes batches out of the rings and gives events on in order. Sleeps on the rings' descriptor only while
 * idle and drains by timer while busy: a wake-up is paid by the traced kernel path.
 */
import { Merger, type Take } from '../decode/merge.js';
import { drainEnd, type NativeBinding, type NativeSession } from '../native/binding.js';

const scratchBytes = 4 << 20;
const busyIntervalMs = 1;
/** Empty rounds before the consumer goes back to sleep. */
const idleRounds = 3;
/** A program may have taken its time stamp and not yet reserved its record. */
const graceNs = 2_000_000;
/** Events a round, so that signals and timers get their turn. */
const eventsPerRound = 20_000;

export class Consumer {
  readonly merger: Merger;
  private readonly scratch = new Uint8Array(scratchBytes);
  private readonly end = new Uint32Array(1);
  private timer: NodeJS.Timeout | undefined;
  private emptyRounds = 0;
  /** Time of the last record read from each ring. */
  private readonly lastTimes: number[];
  private stopped = false;
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
  ) {
    this.merger = new Merger(rings, native.clocks().bootNs);
    this.lastTimes = new Array<number>(rings).fill(Number.NEGATIVE_INFINITY);
  }

  start(): void {
    this.session.pollStart(() => this.wake());
  }

  private wake(): void {
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
    const { bytes, untilNs } = this.drainRings();
    const events = this.merger.giveOut(untilNs, this.take, eventsPerRound);
    if (events > 0) this.afterRound();
    if (this.stopped) return;
    const idle = bytes === 0 && events === 0;
    this.emptyRounds = idle ? this.emptyRounds + 1 : 0;
    if (this.emptyRounds > idleRounds) {
      this.emptyRounds = 0;
      this.session.pollStart(() => this.wake());
      return;
    }
    const wait = events === eventsPerRound ? 0 : busyIntervalMs;
    this.timer = setTimeout(() => this.round(), wait);
  }

  /** Reads every ring once; `untilNs` is the time up to which no ring can bring anything new. */
  private drainRings(): { bytes: number; untilNs: number } {
    let bytes = 0;
    let untilNs = this.merger.relativeNs(this.native.clocks().bootNs) - graceNs;
    for (let ring = 0; ring < this.rings; ring += 1) {
      this.highWaterBytes = Math.max(this.highWaterBytes, this.session.fillBytes(ring));
      const written = this.session.drain(ring, this.scratch, 0, this.end);
      const reason = this.end[0]!;
      if (reason === drainEnd.damaged) throw new Error('a ring buffer holds what is no record of ours');
      const last = written > 0 ? this.merger.add(ring, this.scratch.slice(0, written)) : undefined;
      if (last !== undefined) this.lastTimes[ring] = last;
      if (reason !== drainEnd.empty) untilNs = Math.min(untilNs, this.lastTimes[ring]!);
      bytes += written;
    }
    return { bytes, untilNs };
  }

  /** After halt(), once the programs are detached: everything left is read and given out. */
  finish(): void {
    for (;;) {
      const { bytes } = this.drainRings();
      this.merger.giveOut(Number.POSITIVE_INFINITY, this.take);
      if (bytes === 0) break;
    }
    this.afterRound();
  }

  /** Ends the rounds at once; what is still in the rings is left there. */
  halt(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.session.pollStop();
  }
}
