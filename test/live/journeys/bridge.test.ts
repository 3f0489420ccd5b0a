/** Bridged: hosts a, b and c on the ports of br0 in s, with br_netfilter and without it, and flooded frames. */
import { deviceCounts } from '../../support/oracles/devices.js';
import { loadNft, nftCounter } from '../../support/oracles/nft.js';
import { snmp } from '../../support/oracles/proc.js';
import { describeGroup, type Scenario, sendUdp } from '../../support/scenario.js';
import { bridgeOf, type Topology, UNKNOWN } from '../../support/topology.js';

const FILTER = 'udp and portrange 9001-9099';
const TO_B = '198.18.0.2';
const TO_BRIDGE = '198.18.0.254';

interface Drop {
  readonly family: 'ip' | 'bridge';
  readonly hook: string;
  readonly priority: number;
  readonly to: string;
}

const ip = (hook: string, priority: number, to = TO_B): Drop => ({ family: 'ip', hook, priority, to });
const bridge = (hook: string, priority: number, to = TO_B): Drop => ({
  family: 'bridge',
  hook,
  priority,
  to,
});

const WITH_BR_NETFILTER = [
  ip('prerouting', -50),
  ip('forward', 0),
  ip('postrouting', 50),
  ip('input', 0, TO_BRIDGE),
];
const WITHOUT = [
  bridge('prerouting', -100),
  bridge('forward', 0),
  bridge('postrouting', 50),
  bridge('input', 0, TO_BRIDGE),
];

const ruleset = (drops: readonly Drop[], firstPort: number): string =>
  drops
    .map(({ family, hook, priority }, index) => {
      const port = firstPort + index;
      return `table ${family} shield { counter port${port} {}; chain ${hook} {
        type filter hook ${hook} priority ${priority};
        udp dport ${port} counter name port${port} drop; }; }`;
    })
    .join('\n');

function scenarioOf({ family, hook, priority, to }: Drop, port: number, packets: number): Scenario {
  return {
    name: `${family} ${hook}`,
    packets,
    send: (topology) => sendUdp(topology.end('as'), to, port, packets),
    counter: (topology) => nftCounter(topology.host('s'), `port${port}`),
    fate: 'dropped',
    place: { stage: `nf-${hook}`, host: 's', chain: { family, table: 'shield', chain: hook, priority } },
    sentence: new RegExp(`dropped (at|in) ${family} shield/${hook}\\b`),
  };
}

/** Nobody listens at b: what the bridge passed on without a hook is what UDP found no port for. */
const passedOn = (port: number, packets: number): Scenario => ({
  name: 'passed on from port to port',
  packets,
  send: (topology) => sendUdp(topology.end('as'), TO_B, port, packets),
  counter: (topology) => snmp(topology.host('b'), 'Udp.NoPorts'),
  place: { stage: 'tx-tap', host: 's' },
  sentence: /past every netfilter hook: bridged\.$/,
});

function describeBridge(
  name: string,
  drops: readonly Drop[],
  callsIptables: 0 | 1,
  firstPort: number,
  others: readonly Scenario[] = [],
): void {
  describeGroup({
    name,
    topology: () => bridgeOf('abc'),
    setUp: async (topology: Topology) => {
      await topology.host('s').sysctl({ 'net.bridge.bridge-nf-call-iptables': callsIptables });
      await loadNft(topology.host('s'), ruleset(drops, firstPort));
    },
    compare: { filter: FILTER },
    tcpdump: true,
    scenarios: [...drops.map((drop, index) => scenarioOf(drop, firstPort + index, 6 + index)), ...others],
  });
}

describeBridge('bridged with br_netfilter', WITH_BR_NETFILTER, 1, 9001);
describeBridge('bridged without br_netfilter', WITHOUT, 0, 9011, [passedOn(9031, 15)]);

const GROUP_ADDRESS = '239.1.2.3';

/** Frames that came to b and c: each gets every one. */
async function arrived(topology: Topology): Promise<number> {
  const ends = [topology.end('bs'), topology.end('cs')];
  const counts = await Promise.all(ends.map((end) => deviceCounts(end, 'rx')));
  return counts.reduce((sum, { packets }) => sum + packets, 0);
}

describeGroup({
  name: 'a bridge that floods',
  topology: () => bridgeOf('abc'),
  setUp: async (topology) => {
    await topology.host('a').ip([`route add 239.0.0.0/8 dev as`]);
    for (const letter of ['b', 'c']) {
      await topology.host(letter).ip([`addr add ${GROUP_ADDRESS}/32 dev ${letter}s autojoin`]);
    }
  },
  compare: { filter: FILTER },
  tcpdump: true,
  packets: 20 + 21,
  scenarios: [
    {
      name: 'an address that no port has learnt',
      packets: 2 * 20,
      send: (topology) => sendUdp(topology.end('as'), UNKNOWN.ipv4, 9021, 20),
      counter: arrived,
      fate: 'dropped',
      place: { stage: 'drop', reason: 'OTHERHOST' },
      sentence: /dropped in ip_rcv_core \(OTHERHOST/,
    },
    {
      name: 'multicast to two receivers, of which nobody listens',
      packets: 2 * 21,
      send: (topology) => sendUdp(topology.end('as'), GROUP_ADDRESS, 9022, 21),
      counter: arrived,
      place: { stage: 'rx-tap' },
    },
  ],
});
