/** What to know of rules that nft told of, and that are not shown. */
import { plural } from '../explain/words.js';
import type { RuleCounts } from '../journey/rule-matcher.js';

/** Sentences without their capital and full stop. */
export function ruleDoubts({ lost = 0, ambiguous = 0 }: Partial<RuleCounts> = {}): string[] {
  return [
    ...(lost > 0
      ? [`${plural(lost, 'message')} of nft's tracing lost: the rules of some packets are not shown`]
      : []),
    ...(ambiguous > 0
      ? [
          `rules that nft told of fit several packets that are alike (${plural(ambiguous, 'time')}): they are not shown`,
        ]
      : []),
  ];
}
