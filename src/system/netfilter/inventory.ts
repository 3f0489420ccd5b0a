/** What is registered at the netfilter hooks of a namespace, as far as the kernel tells. */
import type { NativeBinding } from '../../native/binding.js';
import { runsAt } from '../../netfilter/brackets.js';
import type { BaseChain } from '../../netfilter/types.js';
import { hasHookDump, kernelHooks } from './hook-dump.js';
import { readLegacyTables } from './legacy-tables.js';
import { hasNfTables, nftChains, nftGeneration } from './nf-tables.js';

export interface Inventory {
  readonly chains: readonly BaseChain[];
  /** Another one means that the ruleset has changed. */
  readonly version: string;
  /** What could not be looked at, and why. */
  readonly notes: readonly string[];
}

/** A ruleset may change faster than it can be read. */
const triesAtMost = 4;

const legacyUnknown =
  'whether iptables-legacy has chains is not known: needs CAP_DAC_READ_SEARCH (/proc/net/ip_tables_names)';

type Binding = Pick<NativeBinding, 'netlink' | 'readFile' | 'btfFunction'>;

export class InventoryReader {
  private readonly nfTablesBuiltIn: boolean;
  private readonly hookDumpBuiltIn: boolean;

  constructor(private readonly native: Binding) {
    this.nfTablesBuiltIn = native.btfFunction('nf_tables_getgen') !== null;
    this.hookDumpBuiltIn = native.btfFunction('nfnl_hook_dump') !== null;
  }

  /** Tells whether something changed, without reading the chains of nf_tables. Throws NativeError. */
  version(netnsPath: string | null): string {
    return versionOf(this.generation(netnsPath), readLegacyTables(this.native, netnsPath).chains);
  }

  /** Throws NativeError. */
  read(netnsPath: string | null): Inventory {
    for (let triesLeft = triesAtMost; ; triesLeft -= 1) {
      const generation = this.generation(netnsPath);
      const legacy = readLegacyTables(this.native, netnsPath);
      const nft = generation === undefined ? [] : nftChains(this.native, netnsPath);
      const others = hasHookDump(this.hookDumpBuiltIn) ? kernelHooks(this.native, netnsPath) : [];
      // A dump is no snapshot. One that the ruleset changed under has an old version, so that it is read again soon.
      if (triesLeft > 1 && this.generation(netnsPath) !== generation) continue;
      return {
        chains: withKernelHooks([...nft, ...legacy.chains], others),
        version: versionOf(generation, legacy.chains),
        notes: legacy.areHidden ? [legacyUnknown] : [],
      };
    }
  }

  private generation(netnsPath: string | null): number | undefined {
    return hasNfTables(this.nfTablesBuiltIn) ? nftGeneration(this.native, netnsPath) : undefined;
  }
}

/** The kernel's NAT hook calls the chains of type nat: where there are any, they say more than it does. */
function withKernelHooks(chains: readonly BaseChain[], others: readonly BaseChain[]): BaseChain[] {
  const callsChains = (other: BaseChain): boolean =>
    chains.some(
      (chain) =>
        chain.type === 'nat' &&
        chain.hook === other.hook &&
        (chain.family === other.family || chain.family === 'inet') &&
        runsAt(chain) === other.priority,
    );
  return [...chains, ...others.filter((other) => other.owner === 'bpf' || !callsChains(other))];
}

function versionOf(generation: number | undefined, legacy: readonly BaseChain[]): string {
  return `${generation ?? ''} ${legacy.map(({ family, table }) => `${family}/${table}`).join(' ')}`;
}
