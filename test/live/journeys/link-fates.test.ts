/** Packets that die, or turn off, below IP: XDP, tc and queueing disciplines. */
import {
  deviceCounts,
  driverStatistic,
  mirredPackets,
  qdiscDrops,
  untilQdiscEmpty,
} from '../../support/oracles/devices.js';
import { snmp } from '../../support/oracles/proc.js';
import { describeGroup, sendUdp } from '../../support/scenario.js';
import { chainOf, type Topology } from '../../support/topology.js';
import { attachXdp, dropByTc, XDP_DROPPED_PORT } from '../../support/xdp.js';

const FILTER = `udp port ${XDP_DROPPED_PORT}`;
/** Passes the router as packets should, so that its hooks are there to be gone past. */
const FORWARDED_PORT = XDP_DROPPED_PORT + 1;
const B = '198.18.0.2';
const pair = (): Promise<Topology> => chainOf('ab');
const send = (count: number) => (topology: Topology) =>
  sendUdp(topology.end('ab'), B, XDP_DROPPED_PORT, count);

describeGroup({
  name: 'generic XDP',
  topology: pair,
  setUp: (topology) => attachXdp(topology.end('ba'), 'drop', 'xdpgeneric'),
  compare: { filter: FILTER },
  scenarios: [
    {
      name: 'XDP_DROP',
      packets: 20,
      send: send(20),
      // What the device received and IP never saw.
      counter: async (topology) => {
        const { packets } = await deviceCounts(topology.end('ba'), 'rx');
        return packets - (await snmp(topology.host('b'), 'Ip.InReceives'));
      },
      fate: 'dropped',
      place: { stage: 'drop', host: 'b', function: 'do_xdp_generic' },
      sentence: /dropped by generic XDP/i,
    },
  ],
});

describeGroup({
  name: 'native XDP',
  commands: ['ethtool'],
  topology: pair,
  setUp: (topology) => attachXdp(topology.end('ba'), 'drop', 'xdpdrv'),
  compare: { filter: FILTER, stages: 'path' },
  scenarios: [
    {
      name: 'XDP_DROP',
      packets: 21,
      send: send(21),
      counter: (topology) => driverStatistic(topology.end('ba'), 'rx_queue_0_xdp_drops'),
      fate: 'dropped',
      place: { stage: 'xdp', host: 'b' },
      sentence: /^21 frames were dropped by the XDP program \(id \d+, drop\) on/,
    },
  ],
});

describeGroup({
  name: 'tc drops what comes in',
  topology: pair,
  setUp: (topology) => dropByTc(topology.end('ba'), 'ingress'),
  compare: { filter: FILTER },
  scenarios: [
    {
      name: 'TC_ACT_SHOT at ingress',
      packets: 22,
      send: send(22),
      counter: (topology) => qdiscDrops(topology.end('ba'), 'clsact'),
      fate: 'dropped',
      place: { stage: 'drop', host: 'b', reason: 'TC_INGRESS' },
      sentence: /dropped.*\btc ingress|dropped.*TC_INGRESS/i,
    },
  ],
});

describeGroup({
  name: 'tc drops what goes out',
  topology: pair,
  setUp: (topology) => dropByTc(topology.end('ab'), 'egress'),
  compare: { filter: FILTER },
  scenarios: [
    {
      name: 'TC_ACT_SHOT at egress',
      packets: 23,
      send: send(23),
      counter: (topology) => qdiscDrops(topology.end('ab'), 'clsact'),
      fate: 'dropped',
      place: { stage: 'drop', host: 'a', reason: 'TC_EGRESS' },
      sentence: /dropped.*\btc egress|dropped.*TC_EGRESS/i,
    },
  ],
});

describeGroup({
  name: 'a full qdisc',
  topology: pair,
  setUp: async (topology) => {
    const shape = ['rate', '1mbit', 'burst', '2000', 'limit', '5000'];
    await topology.host('a').run(['tc', 'qdisc', 'add', 'dev', 'ab', 'root', 'tbf', ...shape]);
  },
  compare: { filter: FILTER },
  scenarios: [
    {
      name: 'tbf has no room',
      send: async (topology) => {
        await send(120)(topology);
        await untilQdiscEmpty(topology.end('ab'));
      },
      counter: (topology) => qdiscDrops(topology.end('ab')),
      fate: 'dropped',
      place: { stage: 'drop', host: 'a', reason: 'QDISC_DROP' },
      sentence: /dropped in .*QDISC_DROP: the qdisc is full/,
    },
  ],
});

describeGroup({
  name: 'tc redirects past IP',
  topology: () => chainOf('arb'),
  setUp: async (topology) => {
    const match = ['u32', 'match', 'ip', 'dport', String(XDP_DROPPED_PORT), '0xffff'];
    const redirect = ['action', 'mirred', 'egress', 'redirect', 'dev', 'rb'];
    const router = topology.host('r');
    await router.run(['tc', 'qdisc', 'add', 'dev', 'ra', 'clsact']);
    await router.run([
      'tc',
      'filter',
      'add',
      'dev',
      'ra',
      'ingress',
      'protocol',
      'ip',
      ...match,
      ...redirect,
    ]);
  },
  compare: { filter: `udp portrange ${XDP_DROPPED_PORT}-${FORWARDED_PORT}` },
  scenarios: [
    {
      name: 'mirred redirect from ra to rb',
      packets: 24,
      send: async (topology) => {
        const [from, { ipv4 }] = [topology.end('ar'), topology.end('br')];
        await sendUdp(from, ipv4, XDP_DROPPED_PORT, 24);
        await sendUdp(from, ipv4, FORWARDED_PORT, 5);
      },
      counter: (topology) => mirredPackets(topology.end('ra')),
      place: { stage: 'tx-tap', host: 'r' },
      sentence: /past every netfilter hook: redirected by tc, or by nft/,
    },
  ],
});
