/** Which test files run in which guest, where nobody says which. */
import type { Situation } from './situations.js';

/**
 * What lockdown changes. For integrity: nothing that a program may do, so the default ways are compared once more. For
 * confidentiality: no probe reads, so other rungs; that the rest is refused with a reason, `ladder` sees.
 */
const underLockdown: Readonly<Record<Exclude<Situation['lockdown'], 'none'>, readonly string[]>> = {
  integrity: ['choice', 'differential'],
  confidentiality: ['armed', 'choice', 'differential', 'ladder'],
};

/**
 * Each of the two mechanisms once, and each function: they need many commands, which take their time in a guest.
 * Following is nothing but programs: it is the old verifiers that may refuse them. Of hardships and rights, the kernels
 * before 5.11 and 5.19 know others than those since. Owners of hooks are told from 6.12 on.
 */
const kernelsOf: Readonly<Record<string, readonly Situation['kernel'][]>> = {
  following: ['5.10', '6.1'],
  gro: ['5.10', 'newest'],
  hardship: ['5.10', 'newest'],
  owners: ['6.12', 'newest'],
  tc: ['5.10', '6.12'],
  'upper-devices': ['5.10', '6.12'],
};

export function filesFor(
  { kernel, lockdown }: Pick<Situation, 'kernel' | 'lockdown'>,
  all: readonly string[],
): string[] {
  return all
    .filter((name) => lockdown === 'none' || underLockdown[lockdown].includes(name))
    .filter((name) => kernelsOf[name]?.includes(kernel) ?? true)
    .sort();
}
