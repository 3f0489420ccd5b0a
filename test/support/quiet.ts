/**
 * A private world in which nothing is sent but by the test: no IPv6, no ARP, and an end `b` without an
 * address, which drops what it gets without an answer. Counters of the kernel tell what was sent and received.
 */
import { toHex } from './bytes.js';
import { ETHERTYPE, ethernetFrame } from './frames.js';
import { addNetns, type Netns, nextNetnsNames, removeOrphanedNetns } from './netns.js';
import { killChildren, run } from './process.js';
import { End, toolPath } from './world.js';

const ARP_PAYLOAD_BYTES = 46;

/** A veth pair: `a` can send to `b.ipv4`. */
export interface QuietLink {
  readonly a: End;
  readonly b: End;
}

export interface QuietWorld extends QuietLink {
  /** Removes it all, and kills the child processes that a failed test left running. */
  close(): void;
}

/** What the kernel counted: frames at each device, and IPv4 packets that passed b's receive tap. */
export interface Counts {
  readonly sentByA: number;
  readonly sentByB: number;
  readonly receivedByA: number;
  readonly receivedByB: number;
  /** Counted in ip_rcv, right behind the tap lists. */
  readonly ipReceivedByB: number;
}

async function silence({ name }: Netns): Promise<void> {
  const file = '/proc/sys/net/ipv6/conf';
  const command = `for f in ${file}/*/disable_ipv6; do echo 1 > "$f"; done`;
  await run(['ip', 'netns', 'exec', name, 'sh', '-c', `[ ! -d ${file} ] || { ${command}; }`]);
}

async function join(a: End, b: End, queues = 1): Promise<void> {
  await run([
    ...['ip', 'link', 'add', a.device, 'address', a.mac, 'netns', a.netns.name],
    ...['numtxqueues', String(queues), 'type', 'veth'],
    ...['peer', 'name', b.device, 'address', b.mac, 'netns', b.netns.name],
  ]);
  for (const { netns, device } of [a, b])
    await run(['ip', '-n', netns.name, 'link', 'set', device, 'arp', 'off', 'up']);
  await run(['ip', '-n', a.netns.name, 'addr', 'add', `${a.ipv4}/24`, 'dev', a.device]);
  await run([
    ...['ip', '-n', a.netns.name, 'neigh', 'replace', b.ipv4, 'lladdr', b.mac],
    ...['dev', a.device, 'nud', 'permanent'],
  ]);
}

/** Adds one more veth pair between the ends of a world: `v<letter>a` and `v<letter>b`, or named otherwise. */
export async function addQuietLink(
  { a, b }: QuietLink,
  letter: string,
  [nameA, nameB] = [`v${letter}a`, `v${letter}b`],
): Promise<QuietLink> {
  const octet = letter.charCodeAt(0);
  const mac = (end: string) => `02:00:00:00:${octet.toString(16)}:0${end}`;
  const link = {
    a: new End(a.netns, nameA!, mac('a'), `198.18.${octet}.1`, ''),
    b: new End(b.netns, nameB!, mac('b'), `198.18.${octet}.2`, ''),
  };
  await join(link.a, link.b);
  return link;
}

/** Builds a quiet world; `a` can send to `b.ipv4` when it resolves. `queues`: transmit queues of a's device. */
export async function createQuietWorld({ queues = 1 } = {}): Promise<QuietWorld> {
  removeOrphanedNetns();
  const made: Netns[] = [];
  const close = () => {
    killChildren();
    for (const netns of made.splice(0)) netns.remove();
  };
  try {
    for (const name of nextNetnsNames()) made.push(await addNetns(name));
    for (const netns of made) await silence(netns);
    const a = new End(made[0]!, 'va', '02:00:00:00:00:0a', '192.0.2.1', '');
    const b = new End(made[1]!, 'vb', '02:00:00:00:00:0b', '192.0.2.2', '');
    await join(a, b, queues);
    return { a, b, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function deviceCount(end: End, counter: 'rx_packets' | 'tx_packets'): Promise<number> {
  return Number(await end.run(['cat', `/sys/class/net/${end.device}/statistics/${counter}`]));
}

/** Ip: InReceives of /proc/net/snmp. */
async function ipReceived(end: End): Promise<number> {
  const rows = (await end.run(['cat', '/proc/net/snmp'])).split('\n').filter((row) => row.startsWith('Ip: '));
  const [names, values] = rows.map((row) => row.split(' '));
  return Number(values![names!.indexOf('InReceives')]);
}

export async function counts({ a, b }: QuietLink): Promise<Counts> {
  return {
    sentByA: await deviceCount(a, 'tx_packets'),
    sentByB: await deviceCount(b, 'tx_packets'),
    receivedByA: await deviceCount(a, 'rx_packets'),
    receivedByB: await deviceCount(b, 'rx_packets'),
    ipReceivedByB: await ipReceived(b),
  };
}

/** What was counted during `use`. */
export async function countsDuring(link: QuietLink, use: () => Promise<void>): Promise<Counts> {
  const before = await counts(link);
  await use();
  const after = await counts(link);
  const names = Object.keys(before) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as Counts;
}

/** Sends UDP datagrams from a towards b: exactly so many frames, and nothing comes back. */
export async function flood(
  { a, b }: QuietLink,
  count: number,
  packetsPerSecond: number,
  payloadBytes = 64,
  first = 0,
): Promise<void> {
  const rate = ['--rate', String(packetsPerSecond), '--count', String(count), '--first', String(first)];
  await a.send([toolPath('udp_flood'), '--to', b.ipv4, '--size', String(payloadBytes), ...rate]);
}

/**
 * Sends ARP frames from a to b, which takes no ARP: it consumes each of them (arp_rcv) and drops none. Not
 * in one burst, so that the backlog of the receiving CPU has room.
 */
export async function floodArp({ a, b }: QuietLink, count: number): Promise<void> {
  const frame = ethernetFrame({ from: a.mac, to: b.mac }, ETHERTYPE.arp, new Uint8Array(ARP_PAYLOAD_BYTES));
  const pace = ['--repeat', String(count), '--interval-us', '1'];
  await a.send([toolPath('send_frames'), a.device, ...pace], { input: `${toHex(frame)}\n` });
}

/** Has the packets that a device receives handled on this CPU, whichever CPU sends them. */
export async function steerTo({ netns, device }: End, cpu: number): Promise<void> {
  const file = `/sys/class/net/${device}/queues/rx-0/rps_cpus`;
  const mask = (1 << cpu).toString(16);
  await run(['ip', 'netns', 'exec', netns.name, 'sh', '-c', `echo ${mask} > ${file}`]);
}
