/** What the taps, the hooks and the ends saw of a run's packets: counted journey by journey. */
import type { Journey } from '../journey/journey.js';
import { StepReader } from '../journey/step.js';
import type { StageId } from '../stages/types.js';
import type { TraceHeader } from '../trace/trace.js';

export interface StageCount {
  readonly stage: StageId;
  readonly packets: number;
  readonly bytes: number;
}

export interface ComparisonResult {
  readonly packets: number;
  readonly stages: readonly StageCount[];
}

export class Comparison {
  private readonly reader = new StepReader();
  private readonly counts = new Map<StageId, { packets: number; bytes: number }>();
  private packets = 0;

  header(_header: TraceHeader): void {}

  /** Counts; prints nothing. */
  journey({ steps }: Journey): string {
    this.packets += 1;
    for (const step of steps) {
      const count = this.counts.get(step.stage.id) ?? { packets: 0, bytes: 0 };
      this.counts.set(step.stage.id, count);
      count.packets += 1;
      count.bytes += this.reader.open(step).packet.len;
    }
    return '';
  }

  result(): ComparisonResult {
    const stages = [...this.counts].map(([stage, count]) => ({ stage, ...count }));
    return { packets: this.packets, stages };
  }
}
