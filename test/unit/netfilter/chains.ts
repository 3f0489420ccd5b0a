/** Chains to test with. */
import type { BaseChain } from '../../../src/netfilter/types.js';

export function chain(name: string, priority: number, changes: Partial<BaseChain> = {}): BaseChain {
  return {
    ...{ family: 'inet', table: 'filter', chain: name, hook: 'input', priority, owner: 'nft' },
    ...changes,
  } as BaseChain;
}

export const names = (chains: readonly BaseChain[]): string => chains.map((one) => one.chain).join(' ');
