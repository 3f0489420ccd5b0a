/**
 * Truth lines: what puzzles people about a packet that they see, or do not see, in tcpdump, told in full sentences. Each
 * is claimed only where events of the journey prove it.
 */

import type { Scene } from './scene.js';
import { bypassTruths } from './truths-bypass.js';
import { contentTruths } from './truths-content.js';
import { dropTruths } from './truths-drop.js';
import { fateTruths } from './truths-fate.js';
import { roundTruths } from './truths-rounds.js';

export interface Truth {
  /** Names the kind, for programs; kinds are only ever added. */
  readonly id: string;
  readonly text: string;
  /** Index of the step that shows it; absent where it is about the journey as a whole. */
  readonly at?: number;
}

/** Truths in the order of reading: what the bytes are, where they are seen, what became of them. */
export function truthsOf(scene: Scene): Truth[] {
  return [
    ...contentTruths(scene),
    ...roundTruths(scene),
    ...bypassTruths(scene),
    ...fateTruths(scene),
    ...dropTruths(scene),
  ];
}
