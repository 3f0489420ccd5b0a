/** What `compare`, `stages` and `doctor` print: one object each. */
import type { Access, KernelFeatures, Refusal } from '../attach/features.js';
import type { RungTrial } from '../attach/try.js';
import type { Finding } from '../compare/findings.js';
import type { GroupKind, Translation } from '../compare/groups.js';
import type {
  ChainFacts,
  ComparisonGap,
  ComparisonResult,
  RuleDecision,
  StageCount,
  TimeFacts,
} from '../compare/result.js';
import type { BtfParameter } from '../native/binding.js';
import type { PassedOver, StageWatch } from '../stages/report.js';
import type { Mechanism, RungProgram, Stage } from '../stages/types.js';
import type { Lockdown } from '../system/kernel.js';
import type { FileSystem, Machine, SysctlName } from '../system/machine.js';
import type { MemoryLimit } from '../system/memory-cgroup.js';
import type { NotWatched } from './run.js';

/** What the taps saw beside what each netfilter hook saw. */
export interface ComparisonLine extends ComparisonResult {
  readonly type: 'comparison';
  readonly notWatched: readonly NotWatched[];
}

/** How a stage would be watched here, or why it cannot be. */
export interface StageChoice {
  readonly mechanism?: Mechanism;
  readonly target?: string;
  readonly observed?: boolean;
  /** Why this mechanism. */
  readonly reason?: string;
  /** Why none. */
  readonly unavailable?: string;
  /** Better ways, and what keeps them from being used. */
  readonly passedOver: readonly PassedOver[];
}

/** The stage table beside what this kernel allows. */
export interface StagesLine {
  readonly type: 'stages';
  readonly schema: 1;
  readonly kernel: string;
  readonly stages: readonly (Stage & { readonly watch: StageChoice })[];
}

/** What became of one stage when it was tried. */
export interface StageTried extends StageWatch {
  /** The kernel function the program runs in. */
  readonly function?: string;
  /** Only --arm may watch it here. */
  readonly onlyWithArm?: true;
  /** The ways below the one chosen, where they were asked for. */
  readonly below?: readonly RungTrial[];
}

/** What this kernel and these rights allow, tried stage by stage. */
export interface DoctorLine {
  readonly type: 'doctor';
  readonly schema: 1;
  readonly kernel: string;
  readonly features: Omit<KernelFeatures, 'directMap'> & {
    /** Whether these addresses are known. */
    readonly directMap: Readonly<Record<'vmemmap_base' | 'page_offset_base', boolean>>;
  };
  readonly machine: Machine;
  readonly missingCapabilities: readonly { readonly name: string; readonly purpose: string }[];
  readonly stages: readonly StageTried[];
  readonly verdict: {
    /** `arm`: only, or as asked, by a packet socket of ours. */
    readonly taps: 'passive' | 'arm' | 'none';
    readonly text: string;
  };
}

export type {
  Access,
  BtfParameter,
  ChainFacts,
  ComparisonGap,
  ComparisonResult,
  FileSystem,
  Finding,
  GroupKind,
  KernelFeatures,
  Lockdown,
  Machine,
  MemoryLimit,
  PassedOver,
  Refusal,
  RuleDecision,
  RungProgram,
  RungTrial,
  Stage,
  StageCount,
  SysctlName,
  TimeFacts,
  Translation,
};
