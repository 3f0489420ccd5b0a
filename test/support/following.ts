/** `taptrace path --json` around some traffic. */
import type { Host } from './host.js';
import { Child, patient } from './process.js';
import { RING_KIB } from './tcpdump.js';
import { type TraceEvent, tracerCommand } from './tracer.js';

/** Of a journey's event; only the keys that tests read. */
export interface JourneyEvent extends TraceEvent {
  readonly branch?: number;
  readonly reason?: string;
}

/** How two packets belong together. */
export interface JourneyRelation {
  readonly packet: number;
  readonly how: string;
  readonly part?: number;
  readonly guess?: string;
}

/** A line of `path --json`; only the keys that tests read. */
export interface JourneyLine {
  readonly type: 'journey';
  readonly packet: number;
  readonly events: readonly JourneyEvent[];
  readonly branches: readonly { readonly kind: string; readonly from?: number }[];
  readonly changes: readonly { readonly at: number; readonly field: string; readonly text: string }[];
  readonly truths: readonly { readonly id: string; readonly text: string }[];
  readonly parents: readonly JourneyRelation[];
  readonly children: readonly JourneyRelation[];
  readonly end: { readonly closed: string; readonly stage?: string; readonly reason?: string };
}

export interface PathSummary {
  readonly type: 'summary';
  readonly complete: boolean | 'unknown';
  readonly journeys: { readonly guessed: number; readonly closed: Readonly<Record<string, number>> };
}

export interface Followed {
  readonly journeys: readonly JourneyLine[];
  /** Stages that are watched, with their mechanisms. */
  readonly plan: Readonly<Record<string, string>>;
  readonly summary: PathSummary;
}

export interface FollowOptions {
  readonly filter: string;
  readonly args?: readonly string[];
}

/** How long an idle kernel may take to end what the traffic began. */
const SETTLE_MS = 100;

/** Runs path in all hosts' namespaces while `use` sends. */
export async function following(
  hosts: readonly Host[],
  { filter, args = [] }: FollowOptions,
  use: () => Promise<void>,
): Promise<Followed> {
  const child = new Child([
    ...[...tracerCommand(), 'path', '--json', '--buffer-size', `${RING_KIB}K`],
    ...[...hosts.flatMap(({ netns }) => ['--netns', netns.name]), ...args, filter],
  ]);
  await child.until(() => child.stdout.includes('\n'), 'header line', patient(60_000));
  await use();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const { code } = await child.stop('SIGINT', patient(30_000));
  if (code !== 0) throw new Error(`${child.name}: exit ${code}\n${child.stderr}`);
  const lines = child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  const { plan } = lines[0] as unknown as { plan: Followed['plan'] };
  const journeys = lines.filter(({ type }) => type === 'journey') as unknown as JourneyLine[];
  return { journeys, plan, summary: lines.at(-1) as unknown as PathSummary };
}
