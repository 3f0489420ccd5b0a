/** What a trace is asked to do: the command line after it was checked. */
import type { Mechanism, Stage, StageId } from '../stages/types.js';

export interface TraceOptions {
  readonly stages: readonly Stage[];
  /** -i words; none: every device of the namespaces. */
  readonly interfaces: readonly string[];
  /** --netns words; none: the own namespace. */
  readonly netns: readonly string[];
  /** Events of all devices are wanted, since packets are followed from the devices asked for to any other. */
  readonly followPackets?: boolean;
  readonly snaplen: number;
  /** Bytes of one CPU's ring, a power of two. */
  readonly ringBytes: number;
  readonly count?: number;
  readonly durationSeconds?: number;
  readonly direction?: 'in' | 'out';
  readonly filter?: string;
  readonly arm: boolean;
  readonly observeOnly: boolean;
  readonly mechanisms: ReadonlyMap<StageId, Mechanism>;
  readonly stacks: boolean;
  readonly failOnLoss: boolean;
  readonly lineBuffered: boolean;
  /** Once attached, the process gives up every capability that the trace no longer needs, for good. */
  readonly dropCapabilities?: boolean;
}
