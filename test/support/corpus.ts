/** The traffic of the tests: what a tap has to get right, each kind by itself, in any amount. */
import { ETHERTYPE, ethernetFrame, ipv4Udp, type MacPair, withVlanTag } from './frames.js';
import { MACVLAN_IPV4, MACVLAN_PEER_IPV4 } from './macvlan.js';
import type { TrafficCase } from './session.js';
import {
  type Features,
  iperf,
  ping,
  udp,
  withFeatures,
  withGroWaiting,
  withMtu,
  withUdpSink,
} from './traffic.js';
import type { End, World } from './world.js';

type IpVersion = 4 | 6;

const addressOf = (end: End, version: IpVersion) => (version === 4 ? end.ipv4 : end.ipv6);

function icmp(name: string, count: number, version: IpVersion): TrafficCase {
  return { name, run: ({ a, b }) => ping(a, addressOf(b, version), count, 56), atLeast: 4 * count };
}

function udpCase(sizeBytes: number, count: number, version: IpVersion): TrafficCase {
  return {
    name: `UDP of ${sizeBytes} bytes over IPv${version}`,
    run: ({ a, b }) => withUdpSink(b, () => udp(a, addressOf(b, version), sizeBytes, count)),
    atLeast: 2 * count * (sizeBytes > 1452 ? Math.ceil(sizeBytes / 1480) : 1),
  };
}

interface TcpTraffic {
  readonly kibibytes: number;
  readonly version: IpVersion;
  readonly atLeast: number;
  /** What is changed at the sender and the receiver. */
  readonly features?: { readonly sender?: Features; readonly receiver?: Features };
}

function tcpCase(name: string, { kibibytes, version, atLeast, features }: TcpTraffic): TrafficCase {
  const run = async ({ a, b }: World) =>
    withFeatures(a, features?.sender ?? {}, () =>
      withFeatures(b, features?.receiver ?? {}, () => iperf(a, b, addressOf(b, version), `${kibibytes}K`)),
    );
  return { name, run, atLeast };
}

/** GRO is off on a veth device unless it is asked for. */
const NO_OFFLOADS = { tso: false, gso: false, tx: false };

/** Datagrams that GRO hangs one behind the other: the packet then lies in skb_shared_info.frag_list. */
const chainedByGro = (count: number): TrafficCase => ({
  name: 'UDP chained by GRO',
  run: ({ a, b }) =>
    withFeatures(b, { gro: true, 'rx-gro-list': true }, () =>
      withGroWaiting(b, 1_000_000, () => withUdpSink(b, () => udp(a, b.ipv4, 1000, count, 0))),
    ),
  atLeast: count + Math.ceil(count / 64),
});

/** So many raw frames in both directions: from each end to the other. */
function rawCase(name: string, make: (pair: MacPair, index: number) => Uint8Array) {
  return (count: number): TrafficCase => {
    const run = async ({ a, b }: World) => {
      await a.sendFrames(numbered(count, (index) => make({ from: a.mac, to: b.mac }, index)));
      await b.sendFrames(numbered(count, (index) => make({ from: b.mac, to: a.mac }, index)));
    };
    return { name, run, atLeast: 4 * count };
  };
}

function numbered(count: number, make: (index: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

/** An IPv4 UDP frame; the addresses need not be those of the ends. */
function udpFrame(pair: MacPair, index: number, sizeBytes = 30): Uint8Array {
  const flow = { src: '192.0.2.77', dst: '192.0.2.78', sport: 1000 + index, dport: 2000 };
  return ethernetFrame(pair, ETHERTYPE.ipv4, ipv4Udp(flow, filled(sizeBytes, index & 0xff)));
}

const oneVlanTag = rawCase('one VLAN tag', (pair, index) =>
  withVlanTag(udpFrame(pair, index), ETHERTYPE.vlan, 0xa000 | (100 + index)),
);

const twoVlanTags = rawCase('two VLAN tags', (pair, index) => {
  const inner = withVlanTag(udpFrame(pair, index), ETHERTYPE.vlan, 200 + index);
  return withVlanTag(inner, ETHERTYPE.qinq, 100 + index);
});

const unknownEtherType = rawCase('unknown EtherType', (pair, index) =>
  ethernetFrame(pair, ETHERTYPE.experimental1, filled(46 + index, index)),
);

/** A length instead of an EtherType, as IEEE 802.3 has it, and an 802.2 header of a SNAP frame. */
const llcFrames = rawCase('802.3 length field', (pair, index) => {
  const payload = Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xb5, ...filled(40, index));
  return ethernetFrame(pair, payload.length, payload);
});

/** From a bare Ethernet header to an IPv4 header cut off after six bytes. */
const runts = rawCase('runts of 14 to 20 bytes', (pair, index) =>
  ethernetFrame(pair, ETHERTYPE.ipv4, filled(index, 0x45)),
);
const RUNTS = 7;

const JUMBO_MTU = 9000;
const JUMBO_PAYLOAD_BYTES = JUMBO_MTU - 28;

const jumbo = (count: number): TrafficCase => ({
  name: 'jumbo frames',
  run: ({ a, b }) =>
    withMtu([a, b], JUMBO_MTU, async () => {
      await ping(a, b.ipv4, count, JUMBO_PAYLOAD_BYTES);
      const pair = { from: a.mac, to: b.mac };
      await a.sendFrames(numbered(count, (index) => udpFrame(pair, index, JUMBO_PAYLOAD_BYTES)));
    }),
  atLeast: count * 4 + count * 2,
});

const arp = (rounds: number): TrafficCase => ({
  name: 'ARP',
  run: async ({ a, b }) => {
    for (let round = 0; round < rounds; round++) {
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        await from.run(['ip', 'neigh', 'flush', 'dev', from.device]);
        await ping(from, to.ipv4, 1, 0);
      }
    }
  },
  atLeast: rounds * 2 * 4,
});

/**
 * Everything that crosses a veth pair, in an order in which no case disturbs the next. `scale` 1 gives more than
 * 10,000 packets at the four taps together.
 */
export function corpus(scale: number): TrafficCase[] {
  const times = (count: number) => Math.max(1, Math.round(count * scale));
  return [
    icmp('ICMP', times(200), 4),
    icmp('ICMPv6', times(200), 6),
    arp(times(5)),
    udpCase(1, times(2000), 4),
    udpCase(1400, times(2000), 4),
    udpCase(60000, times(50), 4),
    udpCase(60000, times(20), 6),
    tcpCase('TCP with offloads', { kibibytes: times(8192), version: 4, atLeast: times(250) }),
    tcpCase('TCP over IPv6', { kibibytes: times(2048), version: 6, atLeast: times(100) }),
    tcpCase('TCP without offloads', {
      ...{ kibibytes: times(4096), version: 4, atLeast: times(2000) },
      features: { sender: NO_OFFLOADS, receiver: NO_OFFLOADS },
    }),
    tcpCase('TCP merged by GRO', {
      ...{ kibibytes: times(4096), version: 4, atLeast: times(1000) },
      features: { sender: { tso: false, gso: false }, receiver: { gro: true } },
    }),
    chainedByGro(times(640)),
    oneVlanTag(times(50)),
    twoVlanTags(times(50)),
    unknownEtherType(times(50)),
    llcFrames(times(20)),
    runts(RUNTS),
    jumbo(times(20)),
  ];
}

/** The whole corpus. */
export const CORPUS = corpus(1);

/** UDP to a port, every packet told apart by its source port and payload. */
export function udpToPort(name: string, port: number, count: number): TrafficCase {
  const run = async ({ a, b }: World) => {
    const frames = numbered(count, (index) => {
      const flow = { src: a.ipv4, dst: b.ipv4, sport: 30000 + index, dport: port };
      return ethernetFrame(
        { from: a.mac, to: b.mac },
        ETHERTYPE.ipv4,
        ipv4Udp(flow, filled(20, index & 0xff)),
      );
    });
    await a.sendFrames(frames);
  };
  return { name, run, atLeast: count };
}

/** Traffic of both kinds of rounds: to the lower device, and to the macvlan `mv0` above it. */
export const MACVLAN_CORPUS: readonly TrafficCase[] = [
  { name: 'ICMP to the lower device', run: ({ a, b }) => ping(b, a.ipv4, 50, 56), atLeast: 200 },
  { name: 'ICMP to the macvlan', run: ({ b }) => ping(b, MACVLAN_IPV4, 50, 56), atLeast: 300 },
  { name: 'ICMP from the macvlan', run: ({ a }) => ping(a, MACVLAN_PEER_IPV4, 50, 1400), atLeast: 300 },
  {
    name: 'UDP fragments to the macvlan',
    run: ({ b }) => udp(b, MACVLAN_IPV4, 60000, 5),
    atLeast: 5 * 41 * 3,
  },
];
