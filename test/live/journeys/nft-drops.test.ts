/**
 * Packets dropped by an nft rule in each hook that there is: compare names the base chain, and counts what the rule's
 * own counter counts. a sends through the router r to b.
 */
import { loadNft, nftCounter } from '../../support/oracles/nft.js';
import { describeGroup, type Group, type Scenario, sendUdp } from '../../support/scenario.js';
import { chainOf, type Topology } from '../../support/topology.js';

const FIRST_PORT = 1001;
const FILTER = 'udp and portrange 1001-1999';

interface Drop {
  /** Where the ruleset is: a, r or b. */
  readonly host: 'a' | 'r' | 'b';
  readonly family: 'ip' | 'ip6' | 'inet' | 'netdev';
  readonly hook: string;
  readonly priority: number;
  /** Of the traffic. */
  readonly ip: 4 | 6;
  /** Device of a netdev chain. */
  readonly device?: string;
  /** `drop` where nothing else is said. */
  readonly verdict?: string;
}

const drop = (
  host: Drop['host'],
  family: Drop['family'],
  hook: string,
  priority: number,
  ip: 4 | 6,
  device?: string,
): Drop => ({ host, family, hook, priority, ip, ...(device && { device }) });

const INET_DROPS: readonly Drop[] = [
  drop('b', 'ip', 'prerouting', -310, 4),
  drop('b', 'ip6', 'prerouting', -310, 6),
  drop('r', 'inet', 'prerouting', -20, 4),
  drop('r', 'inet', 'prerouting', -30, 6),
  drop('b', 'ip', 'input', 0, 4),
  drop('b', 'ip6', 'input', 0, 6),
  drop('b', 'inet', 'input', 20, 4),
  { ...drop('b', 'ip', 'input', 60, 4), verdict: 'reject' },
  drop('b', 'inet', 'input', 30, 6),
  drop('r', 'ip', 'forward', 0, 4),
  drop('r', 'ip6', 'forward', 0, 6),
  drop('r', 'inet', 'forward', 10, 4),
  drop('a', 'ip', 'output', 0, 4),
  drop('a', 'ip6', 'output', 0, 6),
  drop('a', 'inet', 'output', -150, 4),
  drop('a', 'ip', 'postrouting', 100, 4),
  drop('a', 'ip6', 'postrouting', 100, 6),
  drop('r', 'ip', 'postrouting', -10, 4),
  drop('r', 'ip6', 'postrouting', -10, 6),
];

/** One base chain alone on its hook and device: nothing else could have dropped there. */
const NETDEV_DROPS: readonly Drop[] = [
  drop('b', 'netdev', 'ingress', -500, 4, 'br'),
  drop('b', 'netdev', 'ingress', -500, 6, 'br'),
  drop('a', 'netdev', 'egress', 0, 4, 'ar'),
  drop('a', 'netdev', 'egress', 0, 6, 'ar'),
];

const STAGES: Readonly<Record<string, string>> = { ingress: 'nf-ingress', egress: 'nf-egress' };
const stageOf = (hook: string): string => STAGES[hook] ?? `nf-${hook}`;

/** A chain's name tells the hook; scenarios of one hook and device of the same priority share the chain. */
const chainOfDrop = ({ hook, priority, device }: Drop) =>
  `${hook}${priority < 0 ? 'm' : 'p'}${Math.abs(priority)}${device ?? ''}`;

function ruleset(drops: readonly Drop[], host: string, portOf: (drop: Drop) => number): string {
  return drops
    .filter((one) => one.host === host)
    .map((one) => {
      const port = portOf(one);
      const at = one.device ? `${one.hook} device ${one.device}` : one.hook;
      const version = one.ip === 4 ? 'ip protocol udp' : 'ip6 nexthdr udp';
      return [
        `table ${one.family} shield {`,
        `  counter port${port} {}`,
        `  chain ${chainOfDrop(one)} {`,
        `    type filter hook ${at} priority ${one.priority}; policy accept;`,
        `    ${version} udp dport ${port} counter name port${port} ${one.verdict ?? 'drop'}`,
        '  }',
        '}',
      ].join('\n');
    })
    .join('\n');
}

function scenarioOf(one: Drop, port: number, packets: number): Scenario {
  const { host, family, hook, priority, ip, verdict } = one;
  const chain = chainOfDrop(one);
  const stage = stageOf(hook);
  return {
    name: `${family} ${hook} ${priority} on ${host}, IPv${ip}${verdict ? `, ${verdict}` : ''}`,
    packets,
    send: async (topology: Topology) => {
      const to = topology.end('br');
      await sendUdp(topology.end('ar'), ip === 4 ? to.ipv4 : to.ipv6, port, packets);
    },
    counter: (topology) => nftCounter(topology.host(host), `port${port}`),
    fate: 'dropped',
    place: { stage, host, chain: { family, table: 'shield', chain, priority } },
    sentence: new RegExp(`dropped (at|in) ${family} shield/${chain}\\b`),
  };
}

function groupOf(name: string, drops: readonly Drop[], firstPort: number): Group {
  const portOf = (one: Drop): number => firstPort + drops.indexOf(one);
  return {
    name,
    topology: () => chainOf('arb'),
    setUp: async (topology) => {
      for (const letter of ['a', 'r', 'b'])
        await loadNft(topology.host(letter), ruleset(drops, letter, portOf));
    },
    compare: { filter: FILTER },
    tcpdump: true,
    scenarios: drops.map((one, index) => scenarioOf(one, portOf(one), 5 + index)),
  };
}

describeGroup(groupOf('nft drops in the INET hooks', INET_DROPS, FIRST_PORT));
describeGroup(groupOf('nft drops in the hooks of a device', NETDEV_DROPS, FIRST_PORT + 100));

const NEIGHBOURS = `table inet shield {
  counter first {}
  counter second {}
  chain one { type filter hook input priority 40; udp dport 1201 counter name first drop; }
  chain two { type filter hook input priority 41; udp dport 1202 counter name second drop; }
}`;
const neighbour = (chain: string, priority: number) => ({ family: 'inet', table: 'shield', chain, priority });
const neighbourDrop = (name: string, port: number, packets: number): Scenario => ({
  name: `dropped by the ${name} of them`,
  packets,
  send: (topology) => sendUdp(topology.end('ab'), topology.end('ba').ipv4, port, packets),
  counter: (topology) => nftCounter(topology.host('b'), name),
  fate: 'dropped',
  place: { stage: 'nf-input', host: 'b', chains: [neighbour('one', 40), neighbour('two', 41)] },
  sentence: /dropped at inet shield\/one or inet shield\/two \(nf-input, priorities 40 and 41\)/,
});

describeGroup({
  name: 'chains with no free priority between them are named together',
  topology: () => chainOf('ab'),
  setUp: (topology) => loadNft(topology.host('b'), NEIGHBOURS),
  compare: { filter: FILTER },
  scenarios: [neighbourDrop('first', 1201, 6), neighbourDrop('second', 1202, 7)],
});

const LOCAL = `table inet shield {
  counter in {}
  counter out {}
  chain in { type filter hook input priority 0; udp dport 1301 counter name in drop; }
  chain out { type filter hook output priority 0; udp dport 1302 counter name out drop; }
}`;
const localDrop = (chain: 'in' | 'out', stage: string, port: number, packets: number): Scenario => ({
  name: stage,
  packets,
  send: (topology) => sendUdp(topology.end('ab'), topology.end('ab').ipv4, port, packets),
  counter: (topology) => nftCounter(topology.host('a'), chain),
  fate: 'dropped',
  place: { stage, host: 'a', chain: { family: 'inet', table: 'shield', chain, priority: 0 } },
  sentence: chain === 'in' ? /on lo\S* were dropped at inet shield\/in/ : /dropped in inet shield\/out/,
});

describeGroup({
  name: 'nft drops of what a host sends to itself',
  topology: () => chainOf('ab'),
  setUp: (topology) => loadNft(topology.host('a'), LOCAL),
  compare: { filter: FILTER },
  scenarios: [localDrop('in', 'nf-input', 1301, 8), localDrop('out', 'nf-output', 1302, 9)],
});
