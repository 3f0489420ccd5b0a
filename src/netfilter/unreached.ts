/**
 * Base chains that no link of ours reaches, in the families netdev, ARP and bridge: as they were when the run began, and
 * none of a namespace whose ruleset has changed since.
 */
import type { StageId } from '../stages/types.js';
import type { BaseChain } from './types.js';

export const unreachedFamilies = ['netdev', 'arp', 'bridge'] as const;
export type UnreachedFamily = (typeof unreachedFamilies)[number];

export const isUnreached = (family: string | undefined): family is UnreachedFamily =>
  unreachedFamilies.some((one) => one === family);

/** The chains of one namespace; part of a trace's header. */
export interface NetnsChains {
  readonly netns: { readonly inum: number };
  readonly chains: readonly BaseChain[];
}

export class UnreachedChains {
  private readonly byNetns: Map<number, readonly BaseChain[]>;

  constructor(inventories: readonly NetnsChains[] = []) {
    this.byNetns = new Map(inventories.map(({ netns, chains }) => [netns.inum, chains]));
  }

  /** The ruleset of a namespace is no longer what it was. */
  forget(netnsInum: number): void {
    this.byNetns.delete(netnsInum);
  }

  at(netnsInum: number, stage: StageId, family: UnreachedFamily): readonly BaseChain[] {
    const chains = this.byNetns.get(netnsInum) ?? [];
    return chains.filter(
      (chain) =>
        `nf-${chain.hook}` === stage &&
        (chain.family === family || (family === 'netdev' && chain.family === 'inet')),
    );
  }

  /** The one chain that a packet of this device can have met there; undefined where there are several, or none. */
  only(
    netnsInum: number,
    stage: StageId,
    family: UnreachedFamily,
    device: string | undefined,
  ): BaseChain | undefined {
    const chains = this.at(netnsInum, stage, family).filter(
      (chain) => chain.device === undefined || device === undefined || chain.device === device,
    );
    return chains.length === 1 ? chains[0] : undefined;
  }
}
