/** `taptrace path --json` as users run it: packets with their events, changes and ends. */
import { Child, type Exit } from './process.js';
import { type TraceEvent, type TraceHeader, type TraceSummary, tracerCommand } from './tracer.js';

export interface PathEvent extends TraceEvent {
  readonly packet: number;
  readonly branch: number;
  readonly skb?: string;
  readonly head?: string;
  readonly reason?: string;
}

/** A journey line; only the keys that tests read. */
export interface JourneyLine {
  readonly type: 'journey';
  readonly packet: number;
  readonly events: readonly PathEvent[];
  readonly changes: readonly {
    readonly at: number;
    readonly field: string;
    readonly from: string | number;
    readonly to: string | number;
    readonly by?: readonly { readonly table: string; readonly chain: string }[];
  }[];
  readonly truths: readonly { readonly id: string; readonly at?: number; readonly text: string }[];
  readonly branches: readonly { readonly kind: string; readonly from?: number }[];
  readonly end: {
    readonly closed: string;
    readonly stage?: string;
    readonly reason?: string;
    readonly chains?: readonly { readonly table: string; readonly chain: string }[];
  };
}

export interface Followed {
  readonly exit: Exit;
  readonly header: TraceHeader;
  readonly journeys: readonly JourneyLine[];
  readonly summary: TraceSummary;
  readonly stderr: string;
}

export class Follower {
  private constructor(readonly child: Child) {}

  /** Resolves once everything is attached. */
  static async start(args: readonly string[]): Promise<Follower> {
    const child = new Child([...tracerCommand(), 'path', '--json', ...args]);
    await child.until(() => child.stdout.includes('\n'), 'header line');
    return new Follower(child);
  }

  /** Waits until so many packets were printed. */
  async until(packets: number): Promise<void> {
    const shown = () => this.child.stdout.split('\n{"type":"journey"').length - 1;
    await this.child.until(() => shown() >= packets, `${packets} packets`);
  }

  async stop(): Promise<Followed> {
    return this.result(await this.child.stop('SIGINT'));
  }

  /** Of a run that ends by itself. */
  async ended(): Promise<Followed> {
    return this.result(await this.child.exited);
  }

  private result(exit: Exit): Followed {
    const { stdout, stderr } = this.child;
    const lines = stdout.trimEnd().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { type: string });
    const journeys = parsed.filter(({ type }) => type === 'journey') as unknown as JourneyLine[];
    const summary = parsed.at(-1) as unknown as TraceSummary;
    if (summary.type !== 'summary') throw new Error(`no summary: ${lines.at(-1)}\n${stderr}`);
    return { exit, header: parsed[0] as unknown as TraceHeader, journeys, summary, stderr };
  }
}
