/** What the attach plan tells about each stage on the kernel at hand; `stages` and `doctor` render it. */
import type { Mechanism, Stage, StageId } from './types.js';

/** A rung of a stage's ladder that is better than the one taken, and what keeps it from being used. */
export interface PassedOver {
  readonly mechanism: Mechanism;
  readonly target: string;
  readonly reason: string;
}

/** How one stage would be watched here; no mechanism where it cannot be. */
export interface StageWatch {
  readonly stage: StageId;
  readonly mechanism?: Mechanism;
  readonly target?: string;
  /** Inferred without a program: the stages watched that prove it. */
  readonly provedBy?: readonly StageId[];
  /** All functions watched, where they are several. */
  readonly targets?: readonly string[];
  /** False where watching needs a probe that others could see; absent where there is no mechanism. */
  readonly observed?: boolean;
  /** Only false is said: lockdown leaves packets without their bytes to this mechanism. */
  readonly seesBytes?: false;
  /** Why this mechanism, or why none. */
  readonly reason: string;
  readonly passedOver: readonly PassedOver[];
}

/** The stage table beside what this kernel allows. */
export interface StagesReport {
  readonly kernel: string;
  readonly stages: readonly { readonly stage: Stage; readonly watch: StageWatch }[];
}
