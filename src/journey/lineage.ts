/** Journeys while they are open. */

import type { Fingerprint } from './fingerprint.js';
import type { Branch, Relation } from './journey.js';
import type { Step } from './step.js';
import type { Position } from './transition.js';

/** One sk_buff of an open journey: what is known of it to recognise it by. */
export interface Lineage {
  readonly journey: OpenJourney;
  /** Index in the journey's branches. */
  readonly index: number;
  /** Addresses without their common upper 16 bits; 0: not known. */
  skb: number;
  head: number;
  last: Position;
  readonly print: Fingerprint;
  /** Both ends, as last seen; 0: not known. */
  flow: number;
  isFragment: boolean;
  /** IP headers around the innermost one, as last seen. */
  tunnels: number;
  ended: boolean;
}

/** A stretch of a TCP stream, or a datagram, that stands for several frames. */
export interface Stretch {
  readonly flow: number;
  readonly seq: number;
  readonly bytes: number;
}

export interface OpenJourney {
  readonly packet: number;
  readonly steps: Step[];
  /** Events so far: more than steps where those are not kept. */
  events: number;
  readonly branches: Branch[];
  readonly lineages: Lineage[];
  /** Where it was first seen; frees of its clones apart, which may come before. */
  first: Position;
  readonly parents: Relation[];
  readonly children: Relation[];
  wanted: boolean;
  guessed: boolean;
  /** Only frees were seen: the packet itself passed where nobody watched. */
  onlyFreed: boolean;
  /** It may have been on its way when recording began, or ended. */
  isPartial: boolean;
  readonly firstNs: number;
  lastNs: number;
  /** When its last branch ended; 0: not yet. */
  endedNs: number;
  isClosed: boolean;
  /** Segmentation and reassembly, as far as the packet takes part in them. */
  stretch: Stretch | undefined;
  /** It was seen before it was cut into fragments, one of which it may be now. */
  wasWhole: boolean;
  /** What each of its segments or fragments but the last carries; 0: not known. */
  partBytes: number;
  fragmentKey: number | undefined;
}

export const allEnded = ({ lineages }: OpenJourney): boolean => lineages.every(({ ended }) => ended);
