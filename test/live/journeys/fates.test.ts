/**
 * Packets that die without a firewall: compare tells the kernel's reason and counts what the kernel's own counters
 * count. a sends through the router r to b.
 */
import {
  ETHERTYPE,
  ethernetFrame,
  ipv4Udp,
  ipv6Udp,
  type Oddities,
  type UdpFlow,
} from '../../support/frames.js';
import { loadNft, nftCounter } from '../../support/oracles/nft.js';
import { netstat, snmp, snmp6, udpSocketDrops } from '../../support/oracles/proc.js';
import { describeGroup, type Group, type Scenario, sendUdp } from '../../support/scenario.js';
import { chainOf, type Topology } from '../../support/topology.js';
import { toolPath } from '../../support/world.js';

const FILTER = 'portrange 6001-6099';
const SOURCE_PORT = 6099;
const B = { 4: '198.18.1.2', 6: '2001:db8:1::2' } as const;
const NOWHERE = { 4: '203.0.113.5', 6: '2001:db8:ffff::5' } as const;
const FULL_PORT = 6013;
const PAYLOAD = new TextEncoder().encode('scenario');

type Version = 4 | 6;

/** Raw frames from a to its router: as many as asked for. */
async function sendOdd(
  topology: Topology,
  version: Version,
  flow: Partial<UdpFlow> & Pick<UdpFlow, 'dport'>,
  count: number,
  odd: Oddities = {},
  to = topology.end('ra').mac,
): Promise<void> {
  const from = topology.end('ar');
  const whole = {
    src: version === 4 ? from.ipv4 : '2001:db8::1',
    dst: B[version],
    sport: SOURCE_PORT,
    ...flow,
  };
  const packet = version === 4 ? ipv4Udp(whole, PAYLOAD, odd) : ipv6Udp(whole, PAYLOAD, odd);
  const frame = ethernetFrame(
    { from: from.mac, to },
    version === 4 ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6,
    packet,
  );
  await from.sendFrames(new Array<Uint8Array>(count).fill(frame));
}

type Row = Pick<Scenario, 'name' | 'packets' | 'send' | 'counter'> & {
  readonly reason: string;
  readonly host: 'r' | 'b';
};

/** What the router's prerouting counter says: packets that reached IP, to meet their fate right behind. */
const reachedRouter = (port: number) => (topology: Topology) =>
  nftCounter(topology.host('r'), `reached${port}`);

const FATES: readonly Row[] = [
  {
    name: 'no route, IPv4',
    reason: 'IP_INNOROUTES',
    host: 'r',
    packets: 5,
    send: (t) => sendOdd(t, 4, { dst: NOWHERE[4], dport: 6001 }, 5),
    counter: (t) => netstat(t.host('r'), 'IpExt.InNoRoutes'),
  },
  {
    name: 'no route, IPv6',
    reason: 'IP_INNOROUTES',
    host: 'r',
    packets: 6,
    send: (t) => sendOdd(t, 6, { dst: NOWHERE[6], dport: 6002 }, 6),
    counter: (t) => snmp6(t.host('r'), 'Ip6InNoRoutes'),
  },
  {
    name: 'TTL 1 at the router',
    reason: 'IP_INHDR',
    host: 'r',
    packets: 7,
    send: (t) => sendOdd(t, 4, { dport: 6003 }, 7, { ttl: 1 }),
    counter: (t) => snmp(t.host('r'), 'Ip.InHdrErrors'),
  },
  {
    name: 'hop limit 1 at the router, IPv6',
    reason: 'IP_INHDR',
    host: 'r',
    packets: 8,
    send: (t) => sendOdd(t, 6, { dport: 6004 }, 8, { ttl: 1 }),
    counter: (t) => snmp6(t.host('r'), 'Ip6InHdrErrors'),
  },
  {
    name: 'reverse path filter',
    reason: 'IP_RPFILTER',
    host: 'r',
    packets: 9,
    send: (t) => sendOdd(t, 4, { src: '198.18.1.9', dport: 6005 }, 9),
    counter: (t) => netstat(t.host('r'), 'TcpExt.IPReversePathFilter'),
  },
  {
    name: 'martian source',
    reason: 'IP_INVALID_SOURCE',
    host: 'r',
    packets: 10,
    send: (t) => sendOdd(t, 4, { src: '224.0.0.5', dport: 6006 }, 10),
    counter: reachedRouter(6006),
  },
  {
    name: 'loopback source from outside',
    reason: 'IP_LOCALNET',
    host: 'r',
    packets: 11,
    send: (t) => sendOdd(t, 4, { src: '127.0.0.5', dport: 6007 }, 11),
    counter: reachedRouter(6007),
  },
  {
    name: 'bad IPv4 checksum',
    reason: 'IP_CSUM',
    host: 'r',
    packets: 12,
    send: (t) => sendOdd(t, 4, { dport: 6008 }, 12, { badChecksum: 'ip' }),
    counter: (t) => netstat(t.host('r'), 'IpExt.InCsumErrors'),
  },
  {
    name: 'bad UDP checksum',
    reason: 'UDP_CSUM',
    host: 'b',
    packets: 13,
    send: (t) => sendOdd(t, 4, { dport: 6009 }, 13, { badChecksum: 'udp' }),
    counter: (t) => snmp(t.host('b'), 'Udp.InCsumErrors'),
  },
  {
    name: 'bad UDP checksum, IPv6',
    reason: 'UDP_CSUM',
    host: 'b',
    packets: 14,
    send: (t) => sendOdd(t, 6, { dport: 6010 }, 14, { badChecksum: 'udp' }),
    counter: (t) => snmp6(t.host('b'), 'Udp6InCsumErrors'),
  },
  {
    name: 'no listener',
    reason: 'NO_SOCKET',
    host: 'b',
    packets: 15,
    send: (t) => sendUdp(t.end('ar'), B[4], 6011, 15),
    counter: (t) => snmp(t.host('b'), 'Udp.NoPorts'),
  },
  {
    name: 'no listener, IPv6',
    reason: 'NO_SOCKET',
    host: 'b',
    packets: 16,
    send: (t) => sendUdp(t.end('ar'), B[6], 6012, 16),
    counter: (t) => snmp6(t.host('b'), 'Udp6NoPorts'),
  },
  {
    name: 'no listener, TCP',
    reason: 'NO_SOCKET',
    host: 'b',
    packets: 3,
    send: async (t) => {
      const connect = `for n in 1 2 3; do (exec 3<>/dev/tcp/${B[4]}/6014) 2>/dev/null || true; done`;
      await t.end('ar').send(['bash', '-c', connect]);
    },
    counter: (t) => snmp(t.host('b'), 'Tcp.OutRsts'),
  },
  {
    name: 'full socket buffer',
    reason: 'SOCKET_RCVBUFF',
    host: 'b',
    packets: 40,
    send: (t) => sendUdp(t.end('ar'), B[4], FULL_PORT, 40),
    counter: (t) => udpSocketDrops(t.host('b'), FULL_PORT, 'udp6'),
  },
  {
    name: "another host's frame",
    reason: 'OTHERHOST',
    host: 'r',
    packets: 17,
    send: (t) => sendOdd(t, 4, { dport: 6015 }, 17, {}, '02:00:00:00:00:77'),
    counter: async (t) => nftCounter(t.host('r'), 'ingress6015'),
  },
];

const ROUTER_RULES = `table ip watch {
  counter reached6006 {}
  counter reached6007 {}
  chain pre { type filter hook prerouting priority -300;
    udp dport 6006 counter name reached6006
    udp dport 6007 counter name reached6007
  }
}
table netdev watch {
  counter ingress6015 {}
  chain in { type filter hook ingress device ra priority 0;
    udp dport 6015 counter name ingress6015
  }
}`;

/** A socket whose buffer takes nothing any more: filled before anything is watched. */
async function fillSocket(topology: Topology): Promise<void> {
  const sink = topology.host('b').spawn([toolPath('udp_sink'), String(FULL_PORT), '1']);
  await sink.until(() => sink.stdout.includes('ready'), 'bound port');
  await sendUdp(topology.end('ar'), B[4], FULL_PORT, 100);
}

function scenarioOf({ reason, host, ...row }: Row): Scenario {
  return {
    ...row,
    fate: 'dropped',
    place: { stage: 'drop', reason, host },
    sentence: new RegExp(`dropped.*\\b${reason}\\b`),
  };
}

const group: Group = {
  name: 'drops that no firewall made',
  topology: () => chainOf('arb'),
  setUp: async (topology) => {
    await topology.host('a').ip(['route add 203.0.113.0/24 via 198.18.0.2']);
    await topology.host('r').sysctl({ 'net.ipv4.conf.ra.rp_filter': 1 });
    await loadNft(topology.host('r'), ROUTER_RULES);
    await fillSocket(topology);
  },
  compare: { filter: FILTER },
  tcpdump: true,
  scenarios: FATES.map(scenarioOf),
};

describeGroup(group);
