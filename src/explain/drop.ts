/** Where and why a packet was dropped, in words. */
import { reasonMeaning } from '../compare/reasons.js';
import type { BaseChain } from '../netfilter/types.js';
import { anyOfChains, chainsAhead } from './chains.js';
import type { StepFacts } from './facts.js';
import type { Scene } from './scene.js';

export interface DropPlace {
  /** Continues "it was dropped": a blank in front, or empty where nothing is known. */
  readonly text: string;
  /** The netfilter chains one of which dropped it, where the brackets around it prove it. */
  readonly chains: readonly BaseChain[];
}

/** The chains between the last bracket that it passed and the next one, to which it did not come. */
function droppingChains(scene: Scene, end: StepFacts): readonly BaseChain[] {
  const line = scene.line(end.step.branch);
  const last = line[line.indexOf(end) - 1];
  return last ? chainsAhead(last.step) : [];
}

function why({ reason, location }: StepFacts): string {
  if (reason === undefined) return '';
  const meaning = reasonMeaning(reason, location);
  return ` (${reason}${meaning === undefined ? '' : `: ${meaning}`})`;
}

export function dropPlace(scene: Scene, end: StepFacts): DropPlace {
  const chains = droppingChains(scene, end);
  const by = chains.length > 0 ? ` by ${anyOfChains(chains)}` : '';
  const where = end.location === undefined ? '' : ` in ${end.location}`;
  return { text: `${by || where}${why(end)}`, chains };
}
