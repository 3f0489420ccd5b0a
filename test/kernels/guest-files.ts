/** Which test files run in which guest, where nobody says which. */
import type { Lockdown } from './situations.js';

/**
 * They watch what hangs on kernel functions and netfilter. Lockdown for integrity changes nothing of it; that
 * confidentiality refuses probe reads, each rung with a reason, `ladder` sees.
 */
const besideTheTaps = new Set(['deliveries', 'functions', 'hooks', 'netfilter', 'rx-handlers', 'xdp']);

export function filesFor(lockdown: Lockdown, all: readonly string[]): string[] {
  return all.filter((name) => lockdown === 'none' || !besideTheTaps.has(name)).sort();
}
