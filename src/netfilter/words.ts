/** Chains and positions in words. */
import { inetHooks } from './hooks.js';
import type { RuleHit } from './rule-trace.js';
import type { BaseChain, HookPosition } from './types.js';

/** Where a chain is to be found: "inet filter/in", "iptables-legacy ip filter/INPUT", "bpf link 7". */
export function chainName({ owner, family, table, chain }: BaseChain): string {
  if (table === '') return chain;
  const by = owner === 'iptables-legacy' ? `${owner} ` : '';
  return `${by}${family} ${table}/${chain}`;
}

/** The same with its priority: "inet filter/in (0)". */
export const chainText = (chain: BaseChain): string => `${chainName(chain)} (${chain.priority})`;

const chainTexts = (chains: readonly BaseChain[]): string => chains.map(chainText).join(', ');

/** `nft rule: inet filter/in handle 4 "tcp dport 80 drop": drop`, or `nft policy: inet filter/in: drop` */
export function ruleText({ family, table, chain, handle, text, verdict }: RuleHit): string {
  const place = `${family} ${table}/${chain}`;
  if (handle === undefined) return `nft policy: ${place}: ${verdict}`;
  return `nft rule: ${place} handle ${handle}${text === undefined ? '' : ` "${text}"`}: ${verdict}`;
}

/**
 * `by rule handle 4 (tcp dport 80 drop)`, with its chain where that is none of `chains`; `by its policy`, or `by the
 * policy of inet filter/in` where these are several.
 */
export function deciderText(
  { family, table, chain, handle, text }: RuleHit,
  chains: readonly BaseChain[] = [],
): string {
  const isOwn = chains.length === 1 && chains[0]!.chain === chain;
  const where = isOwn ? '' : ` of ${family} ${table}/${chain}`;
  if (handle === undefined) return isOwn ? 'by its policy' : `by the policy${where}`;
  return `by rule handle ${handle}${where}${text === undefined ? '' : ` (${text})`}`;
}

/** "after inet filter/in (0), before ip security/INPUT (50)" */
export function positionText({ before, after, index, count, priority }: HookPosition): string {
  const parts = [
    ...(before.length ? [`after ${chainTexts(before)}`] : []),
    ...(after.length ? [`before ${chainTexts(after)}`] : []),
  ];
  if (parts.length) return parts.join(', ');
  if (index === 0) return 'first of the hook';
  return index === count - 1 ? 'last of the hook' : `at priority ${priority}`;
}

/** The value of an event's key `hook`. */
export function positionJson(position: HookPosition): Record<string, unknown> {
  const { family, stage, priority, index, count, before, after } = position;
  const hook = inetHooks.find((one) => one.stage === stage)?.name;
  return { family, hook, priority, position: index, of: count, passed: before, ahead: after };
}
