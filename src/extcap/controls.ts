/** The controls of our toolbar in Wireshark. */
import { type Fields, sentence } from './sentences.js';

/** What a capture is asked to do, as the texts of its options. */
export interface CaptureSettings {
  readonly stages: string;
  readonly snaplen: string;
  readonly filter: string;
}

export type Setting = keyof CaptureSettings;

/** By the numbers of their controls. */
export const settings: readonly Setting[] = ['stages', 'snaplen', 'filter'];
export const logger = settings.length;

const controls: readonly Fields[] = [
  {
    type: 'string',
    display: 'Stages',
    tooltip:
      'Stage ids or groups (taps, netfilter, path, all), comma separated: the running capture goes on with them',
    validation: '^[a-z0-9, -]+$',
  },
  {
    type: 'string',
    display: 'Bytes of each packet',
    tooltip: '0: whole packets',
    validation: '^[0-9]+$',
  },
  { type: 'string', display: 'Filter', tooltip: "In tcpdump's language; empty: every packet" },
  { type: 'button', role: 'logger', display: 'Log', tooltip: 'What is watched, and how; what went wrong' },
];

/** Sentences for --extcap-interfaces. */
export const toolbarSentences = (): string[] =>
  controls.map((fields, number) => sentence('control', { number, ...fields }));
