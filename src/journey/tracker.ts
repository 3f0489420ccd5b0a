/** Puts events together to journeys, as they come. Pure: it knows records, and nothing of the kernel they came from. */
import type { TapEvent } from '../trace/event.js';
import type { Branch, CloseReason, Journey, Relation } from './journey.js';
import { type Step, StepStore } from './step.js';

export interface TrackerOptions {
  /** Whether this event makes its packet one that was asked for. */
  readonly isWanted: (event: TapEvent) => boolean;
  /** A journey is complete; `wanted`: one of its events was asked for. */
  readonly onClosed: (journey: Journey, wanted: boolean) => void;
}

export interface TrackerCounts {
  readonly packets: number;
  readonly open: number;
  readonly closed: Readonly<Record<CloseReason, number>>;
  /** Journeys with at least one event that is a guess. */
  readonly guessed: number;
}

interface OpenJourney {
  packet: number;
  steps: Step[];
  branches: Branch[];
  parents: Relation[];
  children: Relation[];
  wanted: boolean;
}

export class Tracker {
  private readonly store = new StepStore();
  private readonly byHead = new Map<number, OpenJourney>();
  private packets = 0;
  private guessed = 0;
  private startNs = 0n;
  private readonly closedCounts: Record<CloseReason, number> = {
    ended: 0,
    replaced: 0,
    idle: 0,
    limit: 0,
    stopped: 0,
  };

  constructor(private readonly options: TrackerOptions) {}

  /** Adds one event; events must come in order of time. Returns the number of its packet. */
  take(event: TapEvent): number {
    const { record, stage } = event;
    if (this.startNs === 0n) this.startNs = record.timeNs;
    const head = (record.headHigh & 0xffff) * 2 ** 32 + record.headLow;
    const journey = this.byHead.get(head) ?? this.open(head);
    const step: Step = {
      ...this.store.keep(event),
      seq: event.seq,
      attachment: event.attachment,
      stage,
      late: event.late,
      atNs: Number(record.timeNs - this.startNs),
      branch: 0,
    };
    journey.steps.push(step);
    journey.wanted ||= this.options.isWanted(event);
    if (stage.layer === 'end') {
      journey.branches[0]!.end = step;
      this.byHead.delete(head);
      this.close(journey, 'ended');
    }
    return journey.packet;
  }

  private open(head: number): OpenJourney {
    this.packets += 1;
    const journey: OpenJourney = {
      packet: this.packets,
      steps: [],
      branches: [{ kind: 'packet' }],
      parents: [],
      children: [],
      wanted: false,
    };
    this.byHead.set(head, journey);
    return journey;
  }

  private close({ wanted, ...journey }: OpenJourney, closed: CloseReason): void {
    this.closedCounts[closed] += 1;
    this.options.onClosed({ ...journey, closed }, wanted);
  }

  /** Closes everything that is still open. */
  finish(): void {
    for (const journey of this.byHead.values()) this.close(journey, 'stopped');
    this.byHead.clear();
  }

  get counts(): TrackerCounts {
    const { packets, guessed, closedCounts } = this;
    return { packets, guessed, open: this.byHead.size, closed: closedCounts };
  }
}
