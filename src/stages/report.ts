/** What the attach plan tells about each stage on the kernel at hand; `stages` and `doctor` render it. */
import type { Mechanism, Stage, StageId } from './types.js';

/** How one stage would be watched here; no mechanism where it cannot be. */
export interface StageWatch {
  readonly stage: StageId;
  readonly mechanism?: Mechanism;
  readonly target?: string;
  /** False where watching needs a probe that others could see; absent where there is no mechanism. */
  readonly observed?: boolean;
  /** Why this mechanism, or why none. */
  readonly reason: string;
  readonly passedOver: readonly { readonly mechanism: Mechanism; readonly reason: string }[];
}

/** The stage table beside what this kernel allows. */
export interface StagesReport {
  readonly kernel: string;
  readonly stages: readonly { readonly stage: Stage; readonly watch: StageWatch }[];
}
