/** Which test files run in which guest, where nobody says which. */
import type { Situation } from './situations.js';

/**
 * They watch what hangs on kernel functions and netfilter. Lockdown for integrity changes nothing of it; that
 * confidentiality refuses probe reads, each rung with a reason, `ladder` sees.
 */
const besideTheTaps = new Set([
  'deliveries',
  'functions',
  'gro',
  'hooks',
  'netfilter',
  'rx-handlers',
  'tc',
  'upper-devices',
  'xdp',
]);

/** Each of the two mechanisms once, and each function: they need many commands, which take their time in a guest. */
const kernelsOf: Readonly<Record<string, readonly Situation['kernel'][]>> = {
  gro: ['5.10', '6.12', 'newest'],
  tc: ['5.10', '6.12'],
  'upper-devices': ['5.10', '6.12'],
};

export function filesFor(
  { kernel, lockdown }: Pick<Situation, 'kernel' | 'lockdown'>,
  all: readonly string[],
): string[] {
  return all
    .filter((name) => lockdown === 'none' || !besideTheTaps.has(name))
    .filter((name) => kernelsOf[name]?.includes(kernel) ?? true)
    .sort();
}
