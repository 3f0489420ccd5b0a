/** Where the tables of iptables hang. */

/** Hooks and priorities by table (net/ipv4/netfilter/iptable_*.c, nf_nat_proto.c; the same for IPv6, 5.10 to 7.3). */
const tables: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  raw: { prerouting: -300, output: -300 },
  mangle: { prerouting: -150, input: -150, forward: -150, output: -150, postrouting: -150 },
  nat: { prerouting: -100, input: 100, output: -100, postrouting: 100 },
  filter: { input: 0, forward: 0, output: 0 },
  security: { input: 50, forward: 50, output: 50 },
};

/** Hook and priority of each built-in chain of a table of iptables-legacy; none of a table that we do not know. */
export function iptablesHooks(table: string): [hook: string, priority: number][] {
  return Object.hasOwn(tables, table) ? Object.entries(tables[table]!) : [];
}

/** The same for iptables-nft, which has security at 150, not 50 (seen with iptables 1.8.9). */
export function iptablesNftHooks(table: string): [hook: string, priority: number][] {
  const hooks = iptablesHooks(table);
  return table === 'security' ? hooks.map(([hook]) => [hook, 150]) : hooks;
}

/** The name of the built-in chain at a hook. */
export const builtinChain = (hook: string): string => hook.toUpperCase();
