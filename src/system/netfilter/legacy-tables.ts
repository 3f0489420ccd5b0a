/** The tables of iptables-legacy: the kernel tells which a namespace has; where each is registered is fixed. */
import type { BaseChain } from '../../netfilter/types.js';
import { isNativeError, type NativeBinding } from '../../native/binding.js';

/** Hooks and priorities by table (net/ipv4/netfilter/iptable_*.c, nf_nat_proto.c; the same for IPv6, 5.10 to 7.3). */
const tables: Readonly<Record<string, readonly (readonly [hook: string, priority: number])[]>> = {
  raw: [
    ['prerouting', -300],
    ['output', -300],
  ],
  mangle: [
    ['prerouting', -150],
    ['input', -150],
    ['forward', -150],
    ['output', -150],
    ['postrouting', -150],
  ],
  nat: [
    ['prerouting', -100],
    ['input', 100],
    ['output', -100],
    ['postrouting', 100],
  ],
  filter: [
    ['input', 0],
    ['forward', 0],
    ['output', 0],
  ],
  security: [
    ['input', 50],
    ['forward', 50],
    ['output', 50],
  ],
};

const files = [
  { family: 'ip', path: '/proc/thread-self/net/ip_tables_names' },
  { family: 'ip6', path: '/proc/thread-self/net/ip6_tables_names' },
] as const;

/** The base chains of one table. Empty for a table that we do not know. */
export function legacyChains(family: 'ip' | 'ip6', table: string): BaseChain[] {
  return (tables[table] ?? []).map(([hook, priority]) => ({
    family,
    table,
    chain: hook.toUpperCase(),
    hook,
    priority,
    owner: 'iptables-legacy',
    type: table === 'nat' ? 'nat' : 'filter',
  }));
}

/** Names of the tables that a namespace has; none where the kernel has no iptables. */
function namesIn(native: Pick<NativeBinding, 'readFile'>, netnsPath: string | null, path: string): string[] {
  try {
    return new TextDecoder().decode(native.readFile(netnsPath, path)).split('\n').filter(Boolean);
  } catch (error) {
    if (isNativeError(error) && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The base chains of iptables-legacy in a namespace. Throws NativeError. */
export function readLegacyChains(
  native: Pick<NativeBinding, 'readFile'>,
  netnsPath: string | null,
): BaseChain[] {
  return files.flatMap(({ family, path }) =>
    namesIn(native, netnsPath, path).flatMap((table) => legacyChains(family, table)),
  );
}
