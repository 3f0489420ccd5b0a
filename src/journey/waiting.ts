/**
 * When open journeys are looked at again. Three queues, each in order of time: ended ones linger for what other CPUs
 * still report; live ones are looked at soon after their last event, then rarely.
 */
import type { OpenJourney } from './lineage.js';

const lingerNs = 5e6;
const soonNs = 100e6;
const idleNs = 5e9;

interface Entry {
  readonly journey: OpenJourney;
  readonly dueNs: number;
}

/** First in, first out, without moving what waits. */
class Queue {
  private entries: Entry[] = [];
  private at = 0;

  push(entry: Entry): void {
    this.entries.push(entry);
  }

  /** The next one that is due. */
  take(nowNs: number): OpenJourney | undefined {
    const entry = this.entries[this.at];
    if (!entry || entry.dueNs > nowNs) return undefined;
    this.at += 1;
    if (this.at > 1024 && this.at * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.at);
      this.at = 0;
    }
    return entry.journey;
  }
}

export type Verdict = 'ended' | 'delivered' | 'idle';

export class WaitingRoom {
  private readonly lingering = new Queue();
  private readonly soon = new Queue();
  private readonly later = new Queue();

  constructor(
    /** The host's transport has it, and nothing will tell of its end. */
    private readonly isDelivered: (journey: OpenJourney) => boolean,
    private readonly close: (journey: OpenJourney, why: Verdict) => void,
  ) {}

  opened(journey: OpenJourney): void {
    this.soon.push({ journey, dueNs: journey.firstNs + soonNs });
  }

  ended(journey: OpenJourney): void {
    this.lingering.push({ journey, dueNs: journey.endedNs + lingerNs });
  }

  /** Closes what is due. */
  tick(nowNs: number): void {
    for (let journey = this.lingering.take(nowNs); journey; journey = this.lingering.take(nowNs))
      if (!journey.isClosed && journey.endedNs !== 0 && journey.endedNs + lingerNs <= nowNs)
        this.close(journey, 'ended');
    for (let journey = this.soon.take(nowNs); journey; journey = this.soon.take(nowNs))
      this.lookSoon(journey, nowNs);
    for (let journey = this.later.take(nowNs); journey; journey = this.later.take(nowNs))
      this.lookLater(journey, nowNs);
  }

  private lookSoon(journey: OpenJourney, nowNs: number): void {
    if (journey.isClosed || journey.endedNs !== 0) return;
    const quietNs = nowNs - journey.lastNs;
    if (quietNs >= soonNs && this.isDelivered(journey)) this.close(journey, 'delivered');
    else if (quietNs < soonNs) this.soon.push({ journey, dueNs: nowNs + soonNs });
    else this.later.push({ journey, dueNs: nowNs + idleNs });
  }

  private lookLater(journey: OpenJourney, nowNs: number): void {
    if (journey.isClosed || journey.endedNs !== 0) return;
    if (nowNs - journey.lastNs >= idleNs) this.close(journey, 'idle');
    else this.soon.push({ journey, dueNs: nowNs + soonNs });
  }
}
