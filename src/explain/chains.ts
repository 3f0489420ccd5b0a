/** Base chains of a netfilter hook in words: which of them a packet passed, and which one ended it. */
import type { Step } from '../journey/step.js';
import type { BaseChain } from '../netfilter/types.js';
import { chainText as wordsOfChain } from '../netfilter/words.js';
import { printable } from '../render/printable.js';

/** `ip filter/INPUT (0)`, fit for a terminal: a ruleset may name its chains as it likes. */
export function chainText(chain: BaseChain): string {
  return printable(wordsOfChain(chain));
}

/** Whether `next` is the same pass through the same hook, one bracket further on. */
export function isNextBracket(step: Step, next: Step): boolean {
  const [from, to] = [step.hook, next.hook];
  if (!from || !to) return false;
  const isSameHook = from.stage === to.stage && from.family === to.family && from.netnsInum === to.netnsInum;
  return isSameHook && to.index > from.index;
}

/** The chains that a packet passed on its way from the first to the last of these brackets of one pass. */
export function chainsPassed(brackets: readonly Step[]): BaseChain[] {
  return brackets.slice(1).flatMap(({ hook }) => hook?.before ?? []);
}

/**
 * The chains that must have ended a packet which was dropped when `last` was what it had passed: it came to them, and
 * not to the bracket behind them. Empty where every chain was passed.
 */
export function chainsAhead(last: Step): readonly BaseChain[] {
  return last.hook?.after ?? [];
}

/** `ip filter/INPUT (0)`, or all that cannot be told apart. */
export function anyOfChains(chains: readonly BaseChain[]): string {
  const texts = chains.map(chainText);
  return texts.length > 1 ? `one of ${texts.join(', ')}` : (texts[0] ?? '');
}
