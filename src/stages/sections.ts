/** The parts of the map in the order a reader follows a packet, each a run of steps and stages. */
import { forwarded, leaving, local, type PathStep, received, sent } from './path.js';

export interface Section {
  readonly title: string;
  readonly caption: string;
  /** Whether the steps follow one another; false for stages that are met at many places. */
  readonly ordered: boolean;
  readonly steps: readonly PathStep[];
}

export const sections: readonly Section[] = [
  {
    title: 'Way in',
    caption: 'from the wire to a program',
    ordered: true,
    steps: [...received, ...local],
  },
  {
    title: 'Forward',
    caption: 'from the routing decision to the way out',
    ordered: true,
    steps: [...forwarded, { text: 'on to ip-output on the way out', junction: 'branch' }],
  },
  {
    title: 'Way out',
    caption: 'from a program, or from FORWARD, to the wire',
    ordered: true,
    steps: [...sent, ...leaving],
  },
  {
    title: 'At both taps',
    caption: 'once for every packet socket that listens',
    ordered: false,
    steps: [{ text: 'delivery to a packet socket', stage: 'delivery' }],
  },
  {
    title: 'Ends',
    caption: 'from anywhere on the path',
    ordered: false,
    steps: [
      { text: 'a drop', stage: 'drop' },
      { text: 'the normal end', stage: 'consume' },
    ],
  },
];
