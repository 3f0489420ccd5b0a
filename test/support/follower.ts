/** `taptrace path --json` that a test starts and ends itself; `following` runs it around traffic. */
import type { JourneyEvent, JourneyLine } from './following.js';
import { Child, type Exit } from './process.js';
import { type TraceHeader, type TraceSummary, tracerCommand } from './tracer.js';

export interface PathEvent extends JourneyEvent {
  readonly branch: number;
  readonly skb?: string;
  readonly head?: string;
}

interface Chain {
  readonly table: string;
  readonly chain: string;
}

export interface PathLine extends Omit<JourneyLine, 'events' | 'changes'> {
  readonly events: readonly PathEvent[];
  readonly changes: readonly {
    readonly at: number;
    readonly field: string;
    readonly from: string | number;
    readonly to: string | number;
    readonly by?: readonly Chain[];
  }[];
}

export interface PathResult {
  readonly exit: Exit;
  readonly header: TraceHeader;
  readonly journeys: readonly PathLine[];
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

  async stop(): Promise<PathResult> {
    return this.result(await this.child.stop('SIGINT'));
  }

  /** Of a run that ends by itself. */
  async ended(): Promise<PathResult> {
    return this.result(await this.child.exited);
  }

  private result(exit: Exit): PathResult {
    const { stdout, stderr } = this.child;
    const lines = stdout.trimEnd().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { type: string });
    const journeys = parsed.filter(({ type }) => type === 'journey') as unknown as PathLine[];
    const summary = parsed.at(-1) as unknown as TraceSummary;
    if (summary.type !== 'summary') throw new Error(`no summary: ${lines.at(-1)}\n${stderr}`);
    return { exit, header: parsed[0] as unknown as TraceHeader, journeys, summary, stderr };
  }
}
