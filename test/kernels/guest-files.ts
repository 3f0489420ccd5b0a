/** Which test files run in which guest, where nobody says which. */
import type { Lockdown } from './situations.js';

/**
 * They watch what hangs on kernel functions and netfilter, which lockdown allows or refuses altogether: they run where
 * nothing is locked down, and `ladder` sees that every rung that cannot work elsewhere is refused with a reason.
 */
const besideTheTaps = new Set(['deliveries', 'functions', 'hooks', 'netfilter', 'rx-handlers']);

export function filesFor(lockdown: Lockdown, all: readonly string[]): string[] {
  return all.filter((name) => lockdown === 'none' || !besideTheTaps.has(name)).sort();
}
