/** What the kernel itself counts in a namespace: protocols by /proc/net, devices by sysfs, rules by nft. */
import type { End } from './world.js';

/** Name and value of every counter of /proc/net/snmp ("Udp InDatagrams") and snmp6 ("Ip6InReceives"). */
export type ProtocolCounts = Readonly<Record<string, number>>;

export async function protocolCounts(end: End): Promise<ProtocolCounts> {
  const [snmp, snmp6] = ['snmp', 'snmp6'].map((name) => end.run(['cat', `/proc/net/${name}`]));
  const counts: Record<string, number> = {};
  const rows = (await snmp!).trim().split('\n');
  for (let row = 0; row < rows.length; row += 2) {
    const [title, ...names] = rows[row]!.split(' ');
    const [, ...values] = rows[row + 1]!.split(' ');
    for (const [at, name] of names.entries())
      counts[`${title!.replace(':', '')} ${name}`] = Number(values[at]);
  }
  for (const line of (await snmp6!).trim().split('\n')) {
    const [name, value] = line.split(/\s+/);
    counts[name!] = Number(value);
  }
  return counts;
}

/** Packets of each named nft counter in a namespace. */
export async function nftCounts(end: End): Promise<ReadonlyMap<string, number>> {
  const { nftables } = JSON.parse(await end.run(['nft', '-j', 'list', 'counters'])) as {
    nftables: readonly { counter?: { name: string; packets: number } }[];
  };
  return new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])));
}

export async function deviceCount(end: End, device: string, counter: string): Promise<number> {
  return Number(await end.run(['cat', `/sys/class/net/${device}/statistics/${counter}`]));
}
