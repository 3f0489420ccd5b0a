/** `taptrace compare --json` around some traffic. */
import type { Host } from './host.js';
import { Child, type Exit, patient } from './process.js';
import { RING_KIB } from './tcpdump.js';
import { tracerCommand } from './tracer.js';

/** A base chain, as DESIGN.md's contract names it. */
export interface ChainName {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly priority: number;
  readonly owner?: string;
}

/** What one stage, or one base chain of it, did; only the keys that tests read. */
export interface StageRow {
  readonly stage: string;
  readonly chain?: ChainName;
  /** Those that cannot be told apart. */
  readonly chains?: readonly ChainName[];
  readonly netns?: number;
  /** `vb@ns` where several namespaces are watched. */
  readonly device?: string;
  readonly packets: number;
  readonly bytes?: number;
  readonly dropped?: number;
  readonly rewritten?: number;
  readonly marked?: number;
  readonly queued?: number;
  readonly reason?: string;
  readonly function?: string;
}

/** One sentence with its number. */
export interface Finding {
  readonly kind?: string;
  readonly text: string;
  readonly packets: number;
  readonly stage?: string;
  readonly netns?: number;
  readonly chain?: ChainName;
  /** Those that cannot be told apart. */
  readonly chains?: readonly ChainName[];
  readonly reason?: string;
  readonly function?: string;
  /** The last tap before, and what it saw. */
  readonly tap?: { readonly stage: string; readonly device?: string; readonly packets: number };
}

export interface Comparison {
  readonly type: 'comparison';
  readonly packets: number;
  readonly stages: readonly StageRow[];
  readonly findings: readonly Finding[];
}

export interface Compared extends Comparison {
  readonly exit: Exit;
  readonly stderr: string;
}

export interface CompareOptions {
  readonly filter?: string;
  readonly stages?: string;
  readonly args?: readonly string[];
}

/** How long an idle kernel may take to end what the traffic began: RCU-deferred frees and the like. */
const SETTLE_MS = 50;

/** Runs compare in all hosts' namespaces while `use` sends; returns what it said at its end. */
export async function comparing(
  hosts: readonly Pick<Host, 'netns'>[],
  { filter, stages, args = [] }: CompareOptions,
  use: () => Promise<void>,
): Promise<Compared> {
  const child = new Child([
    ...[...tracerCommand(), 'compare', '--json', '--buffer-size', `${RING_KIB}K`],
    ...hosts.flatMap(({ netns }) => ['--netns', netns.name]),
    ...(stages ? ['--stages', stages] : []),
    ...args,
    ...(filter ? [filter] : []),
  ]);
  await child.until(
    () => child.stderr.includes('watching'),
    'line that says what is watched',
    patient(60_000),
  );
  await use();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const exit = await child.stop('SIGINT');
  const lines = child.stdout.trim().split('\n');
  if (exit.code !== 0 || lines.length !== 1)
    throw new Error(
      `${child.name}: exit ${exit.code ?? exit.signal}, ${lines.length} lines\n${child.stderr}`,
    );
  const comparison = JSON.parse(lines[0]!) as Comparison;
  return { ...comparison, exit, stderr: child.stderr };
}
