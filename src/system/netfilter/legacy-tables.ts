/** The tables of iptables-legacy: the kernel tells which a namespace has; where each is registered is fixed. */

import { isNativeError, type NativeBinding } from '../../native/binding.js';
import { builtinChain, iptablesHooks } from '../../netfilter/iptables.js';
import type { BaseChain } from '../../netfilter/types.js';

const files = [
  { family: 'ip', path: '/proc/thread-self/net/ip_tables_names' },
  { family: 'ip6', path: '/proc/thread-self/net/ip6_tables_names' },
] as const;

/** The base chains of one table. Empty for a table that we do not know. */
export function legacyChains(family: 'ip' | 'ip6', table: string): BaseChain[] {
  return iptablesHooks(table).map(([hook, priority]) => ({
    family,
    table,
    chain: builtinChain(hook),
    hook,
    priority,
    owner: 'iptables-legacy',
    type: table === 'nat' ? 'nat' : 'filter',
  }));
}

export interface LegacyTables {
  readonly chains: readonly BaseChain[];
  /** The files are for root alone (0440): whether there are such tables is not known then. */
  readonly areHidden: boolean;
}

/** Names of the tables that a namespace has; none where the kernel has no iptables, undefined where they are hidden. */
function namesIn(native: Reader, netnsPath: string | null, path: string): string[] | undefined {
  try {
    return new TextDecoder().decode(native.readFile(netnsPath, path)).split('\n').filter(Boolean);
  } catch (error) {
    if (isNativeError(error) && error.code === 'ENOENT') return [];
    if (isNativeError(error) && error.code === 'EACCES') return undefined;
    throw error;
  }
}

type Reader = Pick<NativeBinding, 'readFile'>;

/** The base chains of iptables-legacy in a namespace. Throws NativeError. */
export function readLegacyTables(native: Reader, netnsPath: string | null): LegacyTables {
  const found = files.map(({ family, path }) => ({ family, names: namesIn(native, netnsPath, path) }));
  return {
    chains: found.flatMap(({ family, names = [] }) => names.flatMap((name) => legacyChains(family, name))),
    areHidden: found.some(({ names }) => names === undefined),
  };
}
