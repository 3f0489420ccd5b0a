/**
 * Worlds of several namespaces in which nothing is sent but by the test: neighbours are static, and IPv6 has no
 * link-local addresses and no duplicate address detection.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Host } from './host.js';
import { addNetns, netnsNamesFor, removeOrphanedNetns } from './netns.js';
import { killChildren, onEarlyExit, run } from './process.js';
import { End } from './world.js';

const QUIET = {
  'net.ipv6.conf.default.addr_gen_mode': 1,
  'net.ipv6.conf.default.accept_dad': 0,
  'net.ipv6.conf.default.router_solicitations': 0,
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
};
const FORWARDING = {
  'net.ipv4.ip_forward': 1,
  'net.ipv6.conf.all.forwarding': 1,
  'net.ipv4.conf.all.send_redirects': 0,
};

/** Hosts by letter, and the ends of the veth pairs between them: `ab` is the device of a that leads to b. */
export class Topology {
  readonly dir = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
  readonly #hosts = new Map<string, Host>();
  readonly #ends = new Map<string, End>();
  readonly #removers: (() => void)[] = [];

  private constructor() {
    const removeDir = () => rmSync(this.dir, { recursive: true, force: true });
    const forget = onEarlyExit(removeDir);
    this.#removers.push(removeDir, forget);
  }

  /** Namespaces without any link, one for each letter; what `build` adds is removed again if it fails. */
  static async make(letters: string, build: (topology: Topology) => Promise<void>): Promise<Topology> {
    removeOrphanedNetns();
    const topology = new Topology();
    try {
      const names = netnsNamesFor(letters);
      for (const [index, letter] of [...letters].entries()) await topology.#addHost(letter, names[index]!);
      await build(topology);
      return topology;
    } catch (error) {
      topology.close();
      throw error;
    }
  }

  async #addHost(letter: string, name: string): Promise<void> {
    const netns = await addNetns(name);
    this.#removers.push(() => netns.remove());
    const host = new Host(netns);
    this.#hosts.set(letter, host);
    await host.sysctl(QUIET);
    await host.ip(['link set dev lo up']);
  }

  host(letter: string): Host {
    const host = this.#hosts.get(letter);
    if (!host) throw new Error(`no host ${letter}`);
    return host;
  }

  end(device: string): End {
    const end = this.#ends.get(device);
    if (!end) throw new Error(`no end ${device}`);
    return end;
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  get ends(): readonly End[] {
    return [...this.#ends.values()];
  }

  /** Joins two hosts by a veth pair of a subnet of its own; the devices have no addresses yet. */
  async join(left: string, right: string, subnet: number): Promise<[End, End]> {
    const [a, b] = [this.#addEnd(left, right, subnet, 1), this.#addEnd(right, left, subnet, 2)];
    await run([
      ...['ip', 'link', 'add', a.device, 'address', a.mac, 'netns', a.netns.name, 'type', 'veth'],
      ...['peer', 'name', b.device, 'address', b.mac, 'netns', b.netns.name],
    ]);
    return [a, b];
  }

  #addEnd(own: string, peer: string, subnet: number, number: number): End {
    const device = `${own}${peer}`;
    const mac = `02:00:00:00:0${subnet}:0${number}`;
    const { netns } = this.host(own);
    const end = new End(netns, device, mac, `198.18.${subnet}.${number}`, `2001:db8:${subnet}::${number}`);
    this.#ends.set(device, end);
    return end;
  }

  /** Gives an end other addresses than those of its subnet. */
  readdress(end: End): void {
    this.#ends.set(end.device, end);
  }

  /** Removes it all, and kills the child processes that a failed test left running. */
  close(): void {
    killChildren();
    for (const remove of this.#removers.splice(0)) remove();
  }
}

/** Lines of ip(8) that give an end its addresses and tell it its neighbour's. */
function addressLines(own: End, peer: End): string[] {
  return [
    `addr add ${own.ipv4}/24 dev ${own.device}`,
    `addr add ${own.ipv6}/64 dev ${own.device} nodad`,
    `link set dev ${own.device} up`,
    ...neighbourLines(own.device, peer),
  ];
}

function neighbourLines(device: string, peer: End): string[] {
  return [peer.ipv4, peer.ipv6].map(
    (address) => `neigh replace ${address} lladdr ${peer.mac} dev ${device} nud permanent`,
  );
}

/** Routes from a host of the chain to the subnets that lie behind its neighbours. */
function routeLines(topology: Topology, letters: string, own: number): string[] {
  const lines: string[] = [];
  for (let subnet = 0; subnet < letters.length - 1; subnet++) {
    const step = subnet > own ? 1 : subnet < own - 1 ? -1 : 0;
    if (step === 0) continue;
    const via = topology.end(`${letters[own + step]}${letters[own]}`);
    lines.push(`route add 198.18.${subnet}.0/24 via ${via.ipv4}`);
    lines.push(`route add 2001:db8:${subnet}::/64 via ${via.ipv6}`);
  }
  return lines;
}

/**
 * Hosts in a row, each joined to the next, IPv4 and IPv6: `ab` is two ends, `arb` two with a router between them,
 * `arstb` forwards through three namespaces. Everything between the first and the last host forwards.
 */
export function chainOf(letters: string): Promise<Topology> {
  return Topology.make(letters, async (topology) => {
    for (const letter of letters.slice(1, -1)) await topology.host(letter).sysctl(FORWARDING);
    for (let index = 0; index + 1 < letters.length; index++) {
      const [left, right] = await topology.join(letters[index]!, letters[index + 1]!, index);
      await left.ip(addressLines(left, right));
      await right.ip(addressLines(right, left));
    }
    for (const [index, letter] of [...letters].entries())
      await topology.host(letter).ip(routeLines(topology, letters, index));
  });
}

/** An address of the bridged subnet that no host has and no port has learnt: frames to it are flooded. */
export const UNKNOWN = { ipv4: '198.18.0.99', mac: '02:00:00:00:00:99' };

/**
 * Hosts of one subnet, each joined to a port of `br0` in host s: the first host's port is `sa` if it is `a`. The bridge
 * has an address too (198.18.0.254), so that packets can end in s.
 */
export function bridgeOf(letters: string): Promise<Topology> {
  return Topology.make(`${letters}s`, async (topology) => {
    const bridge = topology.host('s');
    await bridge.ip([
      'link add br0 address 02:00:00:00:00:fe type bridge stp_state 0 mcast_snooping 0 forward_delay 0',
    ]);
    await bridge.sysctl({ 'net.ipv6.conf.br0.disable_ipv6': 1 });
    await bridge.ip(['addr add 198.18.0.254/24 dev br0', 'link set dev br0 up']);
    const ends: End[] = [];
    for (const [index, letter] of [...letters].entries())
      ends.push(await joinPort(topology, letter, index + 1));
    for (const end of ends) await addBridgedNeighbours(end, ends);
    await bridge.ip(ends.map(({ ipv4, mac }) => `neigh replace ${ipv4} lladdr ${mac} dev br0 nud permanent`));
  });
}

async function joinPort(topology: Topology, letter: string, number: number): Promise<End> {
  const [joined, port] = await topology.join(letter, 's', number);
  const { netns, device, mac } = joined;
  const end = new End(netns, device, mac, `198.18.0.${number}`, `2001:db8:0::${number}`);
  await end.ip([
    `addr add ${end.ipv4}/24 dev ${device}`,
    `addr add ${end.ipv6}/64 dev ${device} nodad`,
    `link set dev ${device} up`,
  ]);
  await port.ip([`link set dev ${port.device} master br0`]);
  await port.sysctl({ [`net.ipv6.conf.${port.device}.disable_ipv6`]: 1 });
  await port.ip([`link set dev ${port.device} up`]);
  await port.run(['bridge', 'fdb', 'replace', mac, 'dev', port.device, 'master', 'static']);
  topology.readdress(end);
  return end;
}

async function addBridgedNeighbours(own: End, ends: readonly End[]): Promise<void> {
  const others = ends.filter((end) => end !== own).flatMap((end) => neighbourLines(own.device, end));
  const strangers = [
    `neigh replace ${UNKNOWN.ipv4} lladdr ${UNKNOWN.mac} dev ${own.device} nud permanent`,
    `neigh replace 198.18.0.254 lladdr 02:00:00:00:00:fe dev ${own.device} nud permanent`,
  ];
  await own.ip([...others, ...strangers]);
}
