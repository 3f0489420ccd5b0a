/** What a comparison comes to: rows in path order, findings, and how far they can be trusted. */
import type { FollowCounts } from '../journey/follower.js';
import type { RuleCounts } from '../journey/rule-matcher.js';
import type { TrackerCounts } from '../journey/tracker.js';
import { runsAt } from '../netfilter/brackets.js';
import type { RuleHit } from '../netfilter/rule-trace.js';
import type { BaseChain } from '../netfilter/types.js';
import { stages } from '../stages/table.js';
import type { StageId } from '../stages/types.js';
import { type Ledger, lostEvents } from '../trace/ledger.js';
import type { Comparison } from './comparison.js';
import { type Finding, findings } from './findings.js';
import type { Histogram } from './histogram.js';
import type { OtherFamily, Place, Row } from './place.js';

export interface TimeFacts {
  readonly median: number;
  readonly p99: number;
}

export interface ChainFacts {
  /** The base chain, where it is a single one. */
  readonly chain?: BaseChain;
  /** Those that cannot be told apart. */
  readonly chains?: readonly BaseChain[];
}

export interface StageCount extends ChainFacts, Omit<Place, 'chains'> {
  readonly stage: StageId;
  readonly family?: OtherFamily;
  /** Absent at hooks that nothing watches: only packets that died there are known of. */
  readonly packets?: number;
  readonly bytes?: number;
  readonly dropped: number;
  readonly rewritten: number;
  readonly marked: number;
  readonly queued: number;
  readonly stolenOrQueued: number;
  /** Of a tap. */
  readonly unarmed?: number;
  readonly afterTapNs?: TimeFacts;
  /** Of chains: what decided, and about how many packets, as far as nft traced them. */
  readonly rules?: readonly RuleDecision[];
}

/** A rule of nft, or a policy, that decided about packets. */
export interface RuleDecision extends RuleHit {
  readonly packets: number;
}

export interface ComparisonResult {
  readonly packets: number;
  /** Packets that were dropped anywhere. */
  readonly dropped: number;
  /** Packets whose end was not seen, and those that had not ended when the run did; none that a device sent out. */
  readonly withoutEnd: number;
  readonly stillOpen: number;
  readonly stages: readonly StageCount[];
  readonly findings: readonly Finding[];
  readonly complete: Ledger['complete'];
  readonly lost: Ledger['lost'];
  readonly lostByStage: Ledger['lostByStage'];
  readonly journeys: TrackerCounts;
  /** What came of nft's tracing; absent where it told nothing. */
  readonly nftTraces?: RuleCounts;
  readonly gaps: readonly ComparisonGap[];
}

/** A ruleset changed, and for a while its chains may have been named wrong. */
export interface ComparisonGap {
  readonly netns: number;
  readonly text: string;
}

/** How a run went, as far as it decides what its numbers are worth. */
export interface RunFacts extends FollowCounts {
  readonly ledger: Ledger;
  readonly gaps: readonly ComparisonGap[];
}

export function timeFacts(times: Histogram): TimeFacts | undefined {
  const median = times.quantile(0.5);
  const p99 = times.quantile(0.99);
  return median === undefined || p99 === undefined ? undefined : { median, p99 };
}

export function chainFacts(chains: readonly BaseChain[] | undefined): ChainFacts {
  if (!chains) return {};
  return chains.length === 1 ? { chain: chains[0]! } : { chains };
}

const positions = new Map(stages.map(({ id }, index) => [id, index]));

/** Namespaces as packets came to them; in each the stages along the path, a hook before its chains. */
function inPathOrder(rows: readonly Row[]): Row[] {
  const namespaces = [...new Set(rows.map(({ place }) => place.netns))];
  const first = ({ chains }: Place): number => (chains?.[0] ? runsAt(chains[0]) : Number.NEGATIVE_INFINITY);
  const keys = (place: Place): number[] => [
    namespaces.indexOf(place.netns),
    positions.get(place.stage)!,
    place.ifindex ?? 0,
  ];
  const compare = (a: Row, b: Row): number => {
    const other = keys(b.place);
    for (const [index, value] of keys(a.place).entries())
      if (value !== other[index]) return value - other[index]!;
    const family = (a.place.family ?? '').localeCompare(b.place.family ?? '');
    if (family !== 0 || first(a.place) === first(b.place)) return family;
    return first(a.place) - first(b.place);
  };
  return [...rows].sort(compare);
}

function stageCount(row: Row): StageCount {
  const { place, packets, bytes, dropped, rewritten, marked, queued, stolenOrQueued, unarmed, rules } = row;
  const { chains, ...where } = place;
  const times = timeFacts(row.afterTap);
  return {
    ...where,
    ...chainFacts(chains),
    ...(packets > 0 && { packets, bytes }),
    ...{ dropped, rewritten, marked, queued, stolenOrQueued },
    ...(unarmed > 0 && { unarmed }),
    ...(times && { afterTapNs: times }),
    ...(rules.length > 0 && {
      rules: rules.map(({ rule, packets: decided }) => ({ ...rule, packets: decided })),
    }),
  };
}

export function comparisonResult(
  comparison: Comparison,
  { ledger, journeys, nftTraces, gaps }: RunFacts,
): ComparisonResult {
  const rows = inPathOrder(comparison.places.all);
  const context = {
    severalNetns: new Set(rows.map(({ place }) => place.netns)).size > 1,
    isLossy: lostEvents(ledger) > 0,
  };
  const { complete, lost, lostByStage } = ledger;
  return {
    packets: comparison.packets,
    dropped: comparison.droppedPackets,
    withoutEnd: comparison.withoutEnd,
    stillOpen: comparison.stillOpen,
    stages: rows.map(stageCount),
    findings: findings(comparison.groups.all, rows, context),
    ...{ complete, lost, lostByStage, journeys },
    ...(nftTraces && { nftTraces }),
    gaps,
  };
}
