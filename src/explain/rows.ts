/** The rows of a journey as people read them: one a stage, the brackets of one netfilter hook together. */

import { isNextBracket } from './chains.js';
import type { Change } from './changes.js';
import { isAside, type StepFacts } from './facts.js';
import type { Scene } from './scene.js';

export interface Row {
  /** One event, or the brackets of one hook that were passed in one go. */
  readonly steps: StepFacts[];
  readonly changes: Change[];
  /** The row of the same sk_buff before this one, or of the one that it was made from. */
  readonly before: Row | undefined;
  /** The first of its sk_buff. */
  readonly isFirst: boolean;
}

/** In order of time. */
export function rowsOf({ steps, journey }: Scene, changes: readonly Change[]): Row[] {
  const last: (Row | undefined)[] = [];
  const rows: Row[] = [];
  for (const [at, facts] of steps.entries()) {
    const { branch } = facts.step;
    const here = changes.filter((change) => change.at === at);
    const own = last[branch];
    if (own && isNextBracket(own.steps.at(-1)!.step, facts.step)) {
      own.steps.push(facts);
      own.changes.push(...here);
      continue;
    }
    const from = journey.branches[branch]?.from;
    const before = own ?? (from === undefined ? undefined : last[from]);
    const row = { steps: [facts], changes: here, before, isFirst: own === undefined };
    if (!isAside(facts)) last[branch] = row;
    rows.push(row);
  }
  return rows;
}
