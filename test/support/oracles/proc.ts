/** Counters of the kernel's own under /proc/net, read in a namespace. */
import type { Host } from '../host.js';

const read = (host: Host, file: string): Promise<string> => host.run(['cat', `/proc/net/${file}`]);

/** A file of pairs of lines, `Ip: InReceives …` and `Ip: 12 …`: snmp and netstat. */
async function pairedCounter(host: Host, file: string, name: string): Promise<number> {
  const [group, counter] = name.split('.') as [string, string];
  const lines = (await read(host, file)).split('\n').filter((line) => line.startsWith(`${group}: `));
  const [names, values] = lines.map((line) => line.split(' '));
  const value = values?.[names?.indexOf(counter) ?? -1];
  if (value === undefined) throw new Error(`no counter ${name} in /proc/net/${file}`);
  return Number(value);
}

/** /proc/net/snmp, such as `Udp.NoPorts`. */
export const snmp = (host: Host, name: string): Promise<number> => pairedCounter(host, 'snmp', name);

/** /proc/net/netstat, such as `TcpExt.IPReversePathFilter`. */
export const netstat = (host: Host, name: string): Promise<number> => pairedCounter(host, 'netstat', name);

/** /proc/net/snmp6, such as `Udp6NoPorts`. */
export async function snmp6(host: Host, name: string): Promise<number> {
  const value = new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(await read(host, 'snmp6'))?.[1];
  if (value === undefined) throw new Error(`no counter ${name} in /proc/net/snmp6`);
  return Number(value);
}

/** The drops column of the UDP sockets bound to this port. */
export async function udpSocketDrops(
  host: Host,
  port: number,
  file: 'udp' | 'udp6' = 'udp',
): Promise<number> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = (await read(host, file)).trim().split('\n').slice(1);
  const sockets = rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, address]) => address!.endsWith(local));
  if (sockets.length === 0) throw new Error(`no socket at port ${port} in /proc/net/${file}`);
  return sockets.reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}
