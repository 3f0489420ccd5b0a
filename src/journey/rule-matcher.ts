/**
 * Which rules of nft a packet met at a hook: told by nf_tables apart from our events, so that they have to be brought
 * together. Both know the namespace, the hook, the packet's headers and a time; where packets that are alike were there
 * at once, it is not known whose rules they are, and none are given.
 */
import type { RecordView } from '../decode/record.js';
import { baseOf, type RuleRun, RuleRuns } from '../netfilter/rule-runs.js';
import { hitOf, type RuleHit, type RuleTraces } from '../netfilter/rule-trace.js';
import type { HookPosition } from '../netfilter/types.js';
import type { StageId } from '../stages/types.js';
import type { TapEvent } from '../trace/event.js';
import { Generations } from './generations.js';
import type { Journey } from './journey.js';
import { contentOfHeaders, contentOfPacket } from './rule-content.js';
import { type Step, StepReader } from './step.js';

/** Journeys that nothing is heard of are closed after five seconds. */
const keptNs = 10e9;
const runsMax = 32_768;
const sightingsMax = 65_536;
/** A chain's rules take microseconds, but a task may be held up in the middle of them. */
const inChainNs = 20e6;

const stagesOut: ReadonlySet<StageId> = new Set(['nf-forward', 'nf-output', 'nf-postrouting', 'nf-egress']);

/** What became of the messages of nft's tracing; the rules of these packets are not shown. */
export interface RuleCounts {
  /** Messages that could be used. */
  readonly messages: number;
  /** Messages that the kernel found no room for, and those that are of no use without them. */
  readonly lost: number;
  /** Times that rules fit several packets that are alike. */
  readonly ambiguous: number;
}

/** A packet at a hook. */
interface Sighting {
  readonly stage: StageId;
  /** Of the bracket; -1 where the hook is all that is known. */
  readonly index: number;
  readonly atNs: number;
  /** When the same sk_buff was seen next. */
  untilNs: number;
}

const timeOf = (record: RecordView): number => record.timeHigh * 0x1_0000_0000 + record.timeLow;

const keyOf = (netnsInum: number, nfproto: number, content: string): string =>
  `${netnsInum} ${nfproto} ${content}`;

export class RuleMatcher {
  private readonly runs = new Generations<RuleRun>(keptNs, runsMax);
  private readonly sightings = new Generations<Sighting>(keptNs, sightingsMax);
  private readonly assembly = new RuleRuns((run) => {
    const content = contentOfHeaders(run.network, run.transport);
    this.runs.add(keyOf(run.netnsInum, run.nfproto, content), run);
  });
  /** Of each sk_buff that has not been seen again since: the last one. */
  private readonly open = new Map<string, Sighting>();
  private readonly reader = new StepReader();
  private messages = 0;
  private ambiguous = 0;

  /** Undefined where nft told nothing. */
  get counts(): RuleCounts | undefined {
    const { messages, ambiguous, assembly } = this;
    const lost = assembly.lost + this.runs.forgotten;
    return messages + lost > 0 ? { messages, lost, ambiguous } : undefined;
  }

  take(traces: RuleTraces): void {
    this.messages += traces.messages.length;
    this.runs.passed(traces.toNs);
    this.assembly.take(traces);
  }

  /** Every event, in order: who else was there has to be known. */
  see(event: TapEvent): void {
    if (this.runs.isEmpty) return;
    const { record, stage, hook } = event;
    const atNs = timeOf(record);
    const skb = `${record.skbHigh} ${record.skbLow}`;
    const before = this.open.get(skb);
    if (before) before.untilNs = atNs;
    this.open.delete(skb);
    for (const kept of [this.runs, this.sightings]) kept.passed(atNs);
    const key = stage.group === 'netfilter' ? keyOfEvent(event) : undefined;
    if (key === undefined) return;
    const sighting = { stage: stage.id, index: indexOf(hook), atNs, untilNs: atNs + inChainNs };
    this.sightings.add(key, sighting);
    if (this.open.size === sightingsMax) this.open.clear();
    this.open.set(skb, sighting);
  }

  /** Gives the steps of a packet that has ended the rules that it met there. */
  match({ steps }: Journey): void {
    if (this.runs.isEmpty) return;
    for (const [at, step] of steps.entries())
      if (step.stage.group === 'netfilter') {
        const rules = this.rulesAt(step, nextOf(steps, at));
        if (rules.length > 0) step.rules = rules;
      }
  }

  private rulesAt(step: Step, next: Step | undefined): RuleHit[] {
    const event = this.reader.open(step);
    const key = keyOfEvent(event);
    if (key === undefined) return [];
    const atNs = timeOf(event.record);
    const untilNs = atNs + (next ? next.atNs - step.atNs : inChainNs);
    const runs = this.runs.find(key).filter((run) => isAt(run, step) && overlap(run, { atNs, untilNs }));
    return [...byChain(runs).values()].flatMap((alike) => this.chosen(alike, key, step));
  }

  /** Of runs through the same chain that it can have been. */
  private chosen(runs: readonly RuleRun[], key: string, { stage, hook }: Step): RuleHit[] {
    const alike = this.sightings
      .find(key)
      .filter((one) => one.stage === stage.id && one.index === indexOf(hook))
      .filter((one) => runs.some((run) => overlap(run, one)));
    const all = runs.map(({ messages }) => messages.flatMap((message) => hitOf(message) ?? []));
    const isSame = new Set(all.map((hits) => JSON.stringify(hits))).size === 1;
    if (isSame && runs.length >= alike.length) return all[0]!;
    this.ambiguous += 1;
    return [];
  }
}

const indexOf = (hook: HookPosition | undefined): number => hook?.index ?? -1;

/** Whether the packet can have been in the chain then. */
const overlap = (run: RuleRun, { atNs, untilNs }: Pick<Sighting, 'atNs' | 'untilNs'>): boolean =>
  run.toNs >= atNs && run.fromNs <= untilNs;

function keyOfEvent({ record, packet }: TapEvent): string | undefined {
  if (!record.has('hook') || !record.has('netns')) return undefined;
  const content = contentOfPacket(packet);
  return content === undefined ? undefined : keyOf(record.netnsInum, record.nfFamily, content);
}

/** The next event of the same sk_buff. */
const nextOf = (steps: readonly Step[], at: number): Step | undefined =>
  steps.slice(at + 1).find(({ branch }) => branch === steps[at]!.branch);

/** Whether a run can have been here: in this hook, and in one of the chains that were ahead. */
function isAt(run: RuleRun, { stage, hook }: Step): boolean {
  const base = baseOf(run);
  if (run.goesOut !== stagesOut.has(stage.id) || run.messages.length === 0) return false;
  if (base && `nf-${base.hook}` !== stage.id) return false;
  const { family, table } = run.messages[0]!;
  return (
    hook === undefined ||
    hook.after.some(
      (chain) => chain.family === family && chain.table === table && (!base || chain.chain === base.chain),
    )
  );
}

/** Runs by their base chain, or by their first chain where that is not known. */
function byChain(runs: readonly RuleRun[]): Map<string, RuleRun[]> {
  const groups = new Map<string, RuleRun[]>();
  for (const run of runs) {
    const { family, table, chain } = baseOf(run) ?? run.messages[0]!;
    const key = `${family} ${table} ${chain}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return groups;
}
