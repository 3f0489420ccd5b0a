/** The places of the path that packets are counted at: a tap, a hook, a base chain, an end. */

import { isSameRule, type RuleHit } from '../netfilter/rule-trace.js';
import type { BaseChain } from '../netfilter/types.js';
import type { UnreachedFamily } from '../netfilter/unreached.js';
import { chainName } from '../netfilter/words.js';
import type { StageId } from '../stages/types.js';
import { Histogram } from './histogram.js';

/** Hooks that are not those of IPv4 and IPv6, which count as one. */
export type OtherFamily = UnreachedFamily;

export interface Place {
  readonly stage: StageId;
  /** Inode number; absent where it is not known. */
  readonly netns?: number;
  readonly netnsName?: string;
  /** On the link layer. */
  readonly ifindex?: number;
  readonly device?: string;
  /** `id 12, filter`: the XDP program of the device, where that is the place. */
  readonly program?: string;
  /** Of a hook. */
  readonly family?: OtherFamily;
  /** Chains without a free priority between them, which cannot be told apart; mostly one. Absent: the whole hook. */
  readonly chains?: readonly BaseChain[];
  /** Of drops: the kernel's reason, the function that gave the packet up, where that is on the path, and in words. */
  readonly reason?: string;
  readonly function?: string;
  readonly diedAt?: StageId;
  /** Continues the sentence "dropped …". */
  readonly died?: string;
}

/** What was seen at a place. */
export interface Row {
  readonly place: Place;
  packets: number;
  /** At taps what a packet socket counts, at hooks what a counter of the ruleset counts, at ends what is left. */
  bytes: number;
  dropped: number;
  /** Addresses or ports changed. */
  rewritten: number;
  /** The mark changed. */
  marked: number;
  /** To user space, and back. */
  queued: number;
  /** Entered and not seen again. */
  stolenOrQueued: number;
  /** Since the last tap before. */
  readonly afterTap: Histogram;
  /** Of a tap: packets that nobody's socket was there for. */
  unarmed: number;
  /** Of chains: packets that each rule of nft, or the policy, decided about, as far as nft traced them. */
  readonly rules: RuleCount[];
  /** Of a hook: its chains were told apart, so what none of them did was done by the kernel. */
  isBracketed: boolean;
}

/** Packets that a rule decided about. */
export interface RuleCount {
  readonly rule: RuleHit;
  packets: number;
}

/** More places than that are counted together. */
const rowsMax = 8192;
/** And rules of a place beyond these are not counted. */
const rulesMax = 256;

/** Counts a packet that the rule decided about. */
export function countRule({ rules }: Row, rule: RuleHit): void {
  const known = rules.find((one) => isSameRule(one.rule, rule));
  if (known) known.packets += 1;
  else if (rules.length < rulesMax) rules.push({ rule, packets: 1 });
}

/** A place of its own for each key, up to a limit. */
export class Rows {
  private readonly rows = new Map<string, Row>();
  /** Places that found no room, as one a stage. */
  private readonly others = new Map<StageId, Row>();

  get(key: string, make: () => Place): Row {
    const known = this.rows.get(key);
    if (known) return known;
    const place = make();
    if (this.rows.size >= rowsMax) return this.other(place.stage);
    const row = newRow(place);
    this.rows.set(key, row);
    return row;
  }

  private other(stage: StageId): Row {
    const row = this.others.get(stage) ?? newRow({ stage });
    this.others.set(stage, row);
    return row;
  }

  get all(): Row[] {
    return [...this.rows.values(), ...this.others.values()];
  }
}

function newRow(place: Place): Row {
  const counts = { packets: 0, bytes: 0, dropped: 0, rewritten: 0, marked: 0, queued: 0, stolenOrQueued: 0 };
  return { place, ...counts, unarmed: 0, rules: [], isBracketed: false, afterTap: new Histogram() };
}

/** `inet filter/in`; of a device's hook with the device. */
export function chainLabel(chain: BaseChain): string {
  return `${chainName(chain)}${chain.device === undefined ? '' : ` on ${chain.device}`}`;
}

export function chainsName(chains: readonly BaseChain[]): string {
  return chains.map(chainLabel).join(' or ');
}

/** Identity of a group of chains in one hook of one namespace. */
export function chainsKey(chains: readonly BaseChain[]): string {
  return chains.map((chain) => `${chain.priority} ${chainLabel(chain)}`).join('|');
}
