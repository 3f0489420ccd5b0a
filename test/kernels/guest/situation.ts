/** The guest that this test runs in, as the host says. */
import type { Mode } from '../../support/traced.js';
import type { Situation } from '../situations.js';

export const situation = JSON.parse(process.env.TAPTRACE_SITUATION ?? '{}') as Situation;

/** Packets of the whole corpus, about: see corpus(). */
const corpusPackets = 13_000;
/** The part of the corpus that makes as many packets as the host wants. */
export const corpusScale = situation.packets / corpusPackets;

/** How taptrace is run in guests: one process for both ends, since starting one takes ten seconds and more. */
export function guestMode({ arm, snaplen }: Pick<Mode, 'arm' | 'snaplen'>): Mode {
  return { arm, snaplen, payload: arm || passiveReadsPayload, together: true, missesCounted: false };
}

/** 5.10 and 6.1 give packet bytes to tracing programs only by probe reads; 6.12 has dynptrs. */
export const passiveReadsPayload =
  situation.lockdown !== 'confidentiality' || !['5.10', '6.1'].includes(situation.kernel);
