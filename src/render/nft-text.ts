/** What to know of rules that nft told of, and that are not shown. */
import type { RuleCounts } from '../journey/rule-matcher.js';

/** Sentences without their capital and full stop. */
export function ruleDoubts({ lost = 0, ambiguous = 0 }: Partial<RuleCounts> = {}): string[] {
  return [
    ...(lost > 0
      ? [`of nft's tracing ${lost} messages were lost: the rules of some packets are not shown`]
      : []),
    ...(ambiguous > 0
      ? [`nft told of rules that fit several packets, all alike, ${ambiguous} times: they are not shown`]
      : []),
  ];
}
