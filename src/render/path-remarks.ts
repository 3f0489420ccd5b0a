/** What the line of a stage says behind the place: what happened there to the packet. */

import { chainsAhead, chainsPassed, chainText } from '../explain/chains.js';
import type { Change } from '../explain/changes.js';
import { dropPlace } from '../explain/drop.js';
import { addressText, type StepFacts } from '../explain/facts.js';
import type { Row } from '../explain/rows.js';
import type { Scene } from '../explain/scene.js';
import { isFreedPing } from '../explain/truths-fate.js';
import type { Branch } from '../journey/journey.js';
import type { Names, TapEvent } from '../trace/event.js';
import { verdictText } from '../trace/verdicts.js';
import { deliveryText, type HolderNames, holdersText, isFullSocket } from './delivery-text.js';

/** The columns of a line say these. */
const inColumns: ReadonlySet<Change['field']> = new Set(['netns', 'device', 'skb']);

const made: Readonly<Record<Branch['kind'], string>> = {
  packet: '',
  'tap-clone': 'a clone for the taps',
  clone: 'a clone of the same bytes',
  copy: 'a copy',
};

export function changeTexts({ changes }: Row): string[] {
  return changes.filter(({ field }) => !inColumns.has(field)).map(({ text }) => text);
}

export function branchText({ journey }: Scene, { isFirst, steps }: Row): string[] {
  const kind = journey.branches[steps[0]!.step.branch]?.kind;
  return isFirst && kind !== undefined && kind !== 'packet' ? [made[kind]] : [];
}

/** Which chains of the hook it has passed by the last bracket, and whether that was the last there is. */
export function bracketTexts({ steps }: Row): string[] {
  const last = steps.at(-1)!.step;
  const { hook } = last;
  if (!hook) return [];
  const passed = chainsPassed(steps.map(({ step }) => step)).map(chainText);
  const ahead = chainsAhead(last).map(chainText);
  const isThrough = hook.index === hook.count - 1;
  if (passed.length === 0 && ahead.length === 0) return isThrough ? ['no chains'] : [];
  return [
    ...(passed.length > 0 ? [`passed ${passed.join(', ')}`] : []),
    ...(ahead.length > 0 && !isThrough ? [`came to ${ahead.join(', ')}`] : []),
  ];
}

/** The answer of the stage. */
export function answerTexts(event: TapEvent, names: HolderNames & Pick<Names, 'dropReason'>): string[] {
  if (event.stage.id === 'delivery') return [deliveryText(event, names)];
  if (isFullSocket(event, names)) return [`the buffer of ${holdersText(event, names)} was full`];
  const verdict = verdictText(event);
  return verdict === undefined ? [] : [verdict];
}

export interface EndText {
  readonly text: string;
  /** A loss, to be seen at once. */
  readonly isLoss: boolean;
}

export function endText(scene: Scene, facts: StepFacts): EndText | undefined {
  const { stage, branch } = facts.step;
  if (stage.id === 'drop') {
    if (isFreedPing(scene, facts))
      return {
        text: `freed in ${facts.death?.function} (${facts.reason}): its clone went to the socket`,
        isLoss: false,
      };
    const isLoss = !scene.isForTap(branch);
    const { text, reason } = dropPlace(scene, facts);
    const name = facts.death?.function;
    const inside = name === undefined || text.includes(name) ? '' : `, function ${name}`;
    const why = reason === undefined ? '' : ` (${reason})`;
    return { text: `dropped${text}${inside}${why}`, isLoss };
  }
  if (stage.id !== 'consume') return undefined;
  return { text: facts.location === undefined ? 'consumed' : `consumed in ${facts.location}`, isLoss: false };
}

/** With -v. */
export function identityText({ cpu, skb, head, hash }: StepFacts): string {
  const addresses = [
    ...(skb === undefined ? [] : [`skb ${addressText(skb)}`]),
    ...(head === undefined ? [] : [`head ${addressText(head)}`]),
  ];
  return [`cpu ${cpu}`, ...addresses, ...(hash === undefined ? [] : [`hash 0x${hash.toString(16)}`])].join(
    ' ',
  );
}
