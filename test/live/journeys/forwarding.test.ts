/** Forwarded through three namespaces: a, the routers r, s and t, and b. */
import { ETHERTYPE, ethernetFrame, ipv4Udp } from '../../support/frames.js';
import { loadNft, nftCounter } from '../../support/oracles/nft.js';
import { snmp } from '../../support/oracles/proc.js';
import { describeGroup, sendUdp } from '../../support/scenario.js';
import { chainOf, type Topology } from '../../support/topology.js';

const ports = { dropped: 8001, expired: 8002, delivered: 8003, dropped6: 8004 };

const RULES = `table inet middle {
  counter forward4 {}
  counter forward6 {}
  chain between { type filter hook forward priority 5;
    ip protocol udp udp dport ${ports.dropped} counter name forward4 drop
    ip6 nexthdr udp udp dport ${ports.dropped6} counter name forward6 drop
  }
}`;
const CHAIN = { family: 'inet', table: 'middle', chain: 'between', priority: 5 };

/** TTL 3 is 1 when it comes to the third router. */
async function sendExpiring(topology: Topology, count: number): Promise<void> {
  const [from, to] = [topology.end('ar'), topology.end('bt')];
  const flow = { src: from.ipv4, dst: to.ipv4, sport: 8099, dport: ports.expired };
  const packet = ipv4Udp(flow, new TextEncoder().encode('expiring'), { ttl: 3 });
  const frame = ethernetFrame({ from: from.mac, to: topology.end('ra').mac }, ETHERTYPE.ipv4, packet);
  await from.sendFrames(new Array<Uint8Array>(count).fill(frame));
}

describeGroup({
  name: 'forwarded through three namespaces',
  topology: () => chainOf('arstb'),
  setUp: (topology) => loadNft(topology.host('s'), RULES),
  compare: { filter: 'udp and portrange 8001-8099' },
  tcpdump: true,
  packets: 12 + 13 + 14 + 15,
  scenarios: [
    {
      name: 'dropped by the router in the middle, IPv4',
      packets: 12,
      send: (t) => sendUdp(t.end('ar'), t.end('bt').ipv4, ports.dropped, 12),
      counter: (t) => nftCounter(t.host('s'), 'forward4'),
      fate: 'dropped',
      place: { stage: 'nf-forward', host: 's', chain: CHAIN },
      sentence: /that tcpdump shows on sr\S* were dropped at inet middle\/between \(nf-forward, priority 5\)/,
    },
    {
      name: 'dropped by the router in the middle, IPv6',
      packets: 13,
      send: (t) => sendUdp(t.end('ar'), t.end('bt').ipv6, ports.dropped6, 13),
      counter: (t) => nftCounter(t.host('s'), 'forward6'),
      fate: 'dropped',
      place: { stage: 'nf-forward', host: 's', chain: CHAIN },
      sentence: /that tcpdump shows on sr\S* were dropped at inet middle\/between \(nf-forward, priority 5\)/,
    },
    {
      name: 'TTL ends at the third router',
      packets: 14,
      send: (t) => sendExpiring(t, 14),
      counter: (t) => snmp(t.host('t'), 'Ip.InHdrErrors'),
      fate: 'dropped',
      place: { stage: 'drop', host: 't', reason: 'IP_INHDR' },
      sentence: /on ts\S* were dropped in ip_forward \(IP_INHDR/,
    },
    {
      name: 'nobody listens at the end',
      packets: 15,
      send: (t) => sendUdp(t.end('ar'), t.end('bt').ipv4, ports.delivered, 15),
      counter: (t) => snmp(t.host('b'), 'Udp.NoPorts'),
      fate: 'dropped',
      place: { stage: 'drop', host: 'b', reason: 'NO_SOCKET' },
      sentence: /15 of 15 packets that tcpdump shows on bt\S* were dropped .*NO_SOCKET/,
    },
  ],
});
