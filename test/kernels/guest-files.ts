/** Which test files run in which guest, where nobody says which. */
import type { Situation } from './situations.js';

/**
 * They watch what hangs on kernel functions and netfilter. Lockdown for integrity changes nothing of it; that
 * confidentiality refuses probe reads, each rung with a reason, `ladder` sees.
 */
const besideTheTaps = new Set([
  'deliveries',
  'functions',
  'hooks',
  'netfilter',
  'rx-handlers',
  'upper-devices',
  'xdp',
]);

/** Many devices take their time: with one of the two mechanisms each is enough. */
const kernelsOf: Readonly<Record<string, readonly Situation['kernel'][]>> = {
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
