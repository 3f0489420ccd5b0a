/** The two questions: tcpdump shows it, where did it go? tcpdump does not show it, why? */

import { durationText } from '../compare/duration.js';
import { type DropPlace, dropPlace } from './drop.js';
import type { StepFacts } from './facts.js';
import type { Scene } from './scene.js';
import type { Truth } from './truths.js';
import { isFreedPing } from './truths-fate.js';

/** The entry of the receive function is before generic XDP, which is before the tap lists. */
function isBeforeTapLists(tap: StepFacts, before: StepFacts, { reason }: StepFacts): boolean {
  return tap === before && tap.step.attachment.mechanism !== 'packet_socket' && reason === 'XDP';
}

const inBrackets = (text: string | undefined): string => (text === undefined ? '' : ` (${text})`);

function afterTap(scene: Scene, tap: StepFacts, end: StepFacts, { text, reason }: DropPlace): Truth {
  const later = durationText(end.step.atNs - tap.step.atNs);
  const shows = tap.armed === false ? 'tcpdump would show it' : 'tcpdump shows it';
  const way = tap.step.stage.direction === 'rx' ? 'in' : 'out';
  return {
    id: 'dropped-after-tap',
    at: scene.steps.indexOf(end),
    text: `${shows} on ${scene.device(tap)} (way ${way}), yet it was dropped ${later} later${text}${inBrackets(reason)}.`,
  };
}

function beforeTap(scene: Scene, end: StepFacts, { text, reason }: DropPlace): Truth {
  return {
    id: 'dropped-before-tap',
    at: scene.steps.indexOf(end),
    text: `tcpdump cannot show it: it was dropped before it came to a tap${text}${inBrackets(reason)}.`,
  };
}

/** Of a packet that was under way already when it was first seen nobody knows whether it passed a tap. */
const beginsHere = ({ step }: StepFacts): boolean =>
  step.stage.direction === 'tx' || step.stage.id === 'netif-rx';

function ofBranch(scene: Scene, branch: number): Truth[] {
  const line = scene.line(branch);
  const end = line.at(-1);
  if (end?.step.stage.id !== 'drop' || scene.isForTap(branch) || isFreedPing(scene, end)) return [];
  const place = dropPlace(scene, end);
  const tap = scene.lineWithTaps(branch).findLast(({ step }) => step.stage.group === 'taps');
  const before = line.at(-2);
  if (tap && before && !isBeforeTapLists(tap, before, end)) return [afterTap(scene, tap, end, place)];
  const { watched } = scene.context;
  const isKnown =
    watched.has('rx-tap') && watched.has('tx-tap') && before !== undefined && beginsHere(line[0]!);
  return isKnown || tap ? [beforeTap(scene, end, place)] : [];
}

export function dropTruths(scene: Scene): Truth[] {
  return scene.journey.branches.flatMap((_, branch) => ofBranch(scene, branch));
}
