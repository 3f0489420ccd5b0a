/**
 * What nf_tables tells of a packet that its ruleset traces (`meta nftrace set 1`): one message for every rule that matched,
 * and for the policy (net/netfilter/nf_tables_trace.c, linux/netfilter/nf_tables.h).
 */
import type { NfFamily } from './hooks.js';

/** A rule that matched a packet, or the policy of a base chain that no rule decided in. */
export interface RuleHit {
  readonly family: NfFamily;
  readonly table: string;
  readonly chain: string;
  /** Of the rule in its table; absent: it was the chain's policy. */
  readonly handle?: number;
  /** `accept`, `drop`, `queue`, `stolen`, `repeat`, `continue`, `break`, `return`, `jump CHAIN` or `goto CHAIN`. */
  readonly verdict: string;
  /** The rule in nft's words; absent where nft's library was not there to be asked, or the rule is gone. */
  readonly text?: string;
}

/** One message. */
export interface RuleTrace extends Omit<RuleHit, 'verdict'> {
  /** `end`: the end of a chain, which is no rule. */
  readonly kind: 'rule' | 'policy' | 'end';
  readonly verdict?: string;
  /** The same for all messages of a packet as long as it is the same sk_buff; another one may have it later. */
  readonly id: number;
  /** NFPROTO_* of the packet. */
  readonly nfproto: number;
  /** The hook of the chain, as nft calls it; absent for chains that are no base chains. */
  readonly hook?: string;
  /**
   * The first bytes of its network header (at most 40) and transport header (at most 20). Only in the first message of
   * a packet in a base chain, which need not be of that chain itself: it may call others.
   */
  readonly network?: Uint8Array;
  readonly transport?: Uint8Array;
  /** It has a device to go out by: it is in the hooks forward, output or postrouting. */
  readonly goesOut: boolean;
}

/** What was read from one namespace in one go. */
export interface RuleTraces {
  readonly netnsInum: number;
  /** CLOCK_BOOTTIME in ns: what is told happened after `fromNs` and not after `toNs`. */
  readonly fromNs: number;
  readonly toNs: number;
  /** Messages that the kernel found no room for, and all others of the same time, since any packet's may have a gap. */
  readonly lost: number;
  readonly messages: readonly RuleTrace[];
}

/** Whether two packets met the same rule, or the same policy. */
export const isSameRule = (a: RuleHit | undefined, b: RuleHit | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    (['family', 'table', 'chain', 'handle', 'verdict', 'text'] as const).every((key) => a[key] === b[key]));

/** NF_* of linux/netfilter.h. */
export const netfilterVerdicts = ['drop', 'accept', 'stolen', 'queue', 'repeat'] as const;

const endings = new Set<string>(netfilterVerdicts);

/** Whether a packet goes no further in its base chain. */
export const isDecision = ({ verdict }: Pick<RuleTrace, 'verdict'>): boolean =>
  verdict !== undefined && endings.has(verdict);

/** What a message says of a rule or a policy; undefined for the end of a chain. */
export function hitOf({ kind, family, table, chain, handle, verdict, text }: RuleTrace): RuleHit | undefined {
  if (kind === 'end' || verdict === undefined) return undefined;
  return {
    ...{ family, table, chain },
    ...(handle !== undefined && { handle }),
    verdict,
    ...(text !== undefined && { text }),
  };
}
