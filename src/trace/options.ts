/** What a trace is asked to do: the command line after it was checked. */
import type { Mechanism, Stage, StageId } from '../stages/types.js';
import type { PacketSelection } from './packet-selection.js';

export interface TraceOptions {
  readonly stages: readonly Stage[];
  /** -i words; none: every device of the namespaces. */
  readonly interfaces: readonly string[];
  /** --netns words; none: the own namespace. */
  readonly netns: readonly string[];
  /**
   * Packets that matched once are wanted until their end, wherever they go. `packets`: what the kernel tells too much is
   * left to the sink, which puts events together to packets; `events`: it is left out.
   */
  readonly follow?: 'events' | 'packets';
  /** And from their first event on: so all events are taken, and what matched in the end is chosen afterwards. */
  readonly lookBack?: boolean;
  readonly snaplen: number;
  /** Bytes of one CPU's ring, a power of two. */
  readonly ringBytes: number;
  readonly count?: number;
  readonly durationSeconds?: number;
  /** Absent: every packet that the filter lets through. */
  readonly selection?: PacketSelection;
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

/** False: every packet of the namespaces is wanted. */
export function choosesPackets({ filter, selection, interfaces }: TraceOptions): boolean {
  const someDevices = interfaces.length > 0 && !interfaces.includes('any');
  return filter !== undefined || selection !== undefined || someDevices;
}
