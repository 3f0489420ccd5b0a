/** The guest that this test runs in, as the host says, and what is known of such guests. */
import { kernelNames } from '../kernels.js';
import type { Situation } from '../situations.js';

function fromHost(): Situation {
  const text = process.env.TAPTRACE_SITUATION;
  if (text === undefined) throw new Error('TAPTRACE_SITUATION does not say which guest this is');
  return JSON.parse(text) as Situation;
}

export const situation = fromHost();

const at = (kernel: Situation['kernel']) => kernelNames.indexOf(kernel);

/** Whether the kernel is this one of the lab's, or a newer one. */
export function isSince(kernel: Situation['kernel']): boolean {
  return at(situation.kernel) >= at(kernel);
}

export const isConfidential = situation.lockdown === 'confidentiality';

/** Under confidentiality tracing programs get packet bytes by dynptr only, and those came with 6.12. */
export const passiveSeesBytes = !isConfidential || isSince('6.12');

/** The tap lists were global up to 6.12, and belong to a namespace since. */
export const tapsAreGlobal = !isSince('newest');
