/** The corpus of filters: Ethernet frames of every protocol and shape, built here, each with a name. */
import { bigEndian, concatBytes } from '../bytes.js';
import { ETHERTYPE, ethernetFrame, type MacPair } from '../frames.js';
import {
  arp,
  broadcast,
  lengthFrame,
  llc,
  macs,
  mpls,
  multicast,
  padded,
  pppoeDiscovery,
  pppoeSession,
  snap,
  tagged,
} from './link.js';
import {
  type Extension,
  extended,
  type Ipv4Fields,
  type Ipv6Fields,
  ipv4,
  ipv6,
  PROTOCOL,
} from './network.js';
import { type Carried, carried, carriedBy, udp } from './transport.js';

export interface Frame {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const TYPE = { mpls: 0x8847, mplsMulticast: 0x8848, pppoeDiscovery: 0x8863, pppoeSession: 0x8864 } as const;
const PPP = { ipv4: 0x0021, ipv6: 0x0057, lcp: 0xc021 } as const;

const over4 = (one: Carried, fields: Ipv4Fields = {}, pair: MacPair = macs): Uint8Array =>
  ethernetFrame(pair, ETHERTYPE.ipv4, ipv4(one.protocol, one.bytes, fields));
const over6 = (one: Carried, fields: Ipv6Fields = {}, pair: MacPair = macs): Uint8Array =>
  ethernetFrame(pair, ETHERTYPE.ipv6, ipv6(one.protocol, one.bytes, fields));

const telling = ['TCP GET behind options', 'UDP DNS', 'ICMP 8', 'ICMPv6 135', 'SCTP', 'AH, then TCP'].map(
  carriedBy,
);

function everyProtocol(): Frame[] {
  return carried.flatMap((one) => [
    { name: `IPv4, ${one.name}`, bytes: over4(one) },
    { name: `IPv6, ${one.name}`, bytes: over6(one) },
  ]);
}

function oddIpv4(): Frame[] {
  const shapes: readonly (readonly [string, Ipv4Fields])[] = [
    ...[4, 8, 12, 20, 40].map(
      (bytes) => [`${bytes} bytes of options`, { options: new Uint8Array(bytes).fill(1) }] as const,
    ),
    ['first fragment', { moreFragments: true }],
    ['middle fragment', { moreFragments: true, fragmentOffset: 185 }],
    ['last fragment', { fragmentOffset: 370 }],
    ['first fragment behind options', { moreFragments: true, options: new Uint8Array(8).fill(1) }],
    ["don't fragment", { dontFragment: true }],
    ['header length 0', { claimedIhl: 0 }],
    ['header length 4', { claimedIhl: 4 }],
    ['header length 15', { claimedIhl: 15 }],
    ['version 6', { claimedVersion: 6 }],
    ['length 0', { claimedLength: 0 }],
    ['length 65535', { claimedLength: 65535 }],
    ['EF, ttl 1', { tos: 0xb8, ttl: 1 }],
    ['CE, ttl 255', { tos: 3, ttl: 255 }],
    ['to everybody', { dst: '255.255.255.255', src: '0.0.0.0' }],
    ['to a group', { dst: '224.0.0.5' }],
    ['to a private net', { src: '10.1.2.3', dst: '172.16.5.6' }],
    ['to itself', { src: '127.0.0.1', dst: '127.0.0.1' }],
  ];
  return shapes.flatMap(([name, fields]) =>
    telling.map((one) => ({ name: `IPv4 ${name}, ${one.name}`, bytes: over4(one, fields) })),
  );
}

function oddIpv6(): Frame[] {
  const of = (kind: number, bytes = 8, rest: Partial<Extension> = {}): Extension => ({
    kind,
    bytes,
    ...rest,
  });
  const { hopByHop, routing, fragment, destination, ah } = PROTOCOL;
  const chains: readonly (readonly [string, readonly Extension[]])[] = [
    ['hop-by-hop', [of(hopByHop)]],
    ['long hop-by-hop', [of(hopByHop, 40)]],
    ['routing', [of(routing, 24)]],
    ['first fragment', [of(fragment)]],
    ['later fragment', [of(fragment, 8, { fragmentOffset: 100 })]],
    ['destination options', [of(destination, 16)]],
    ['AH', [of(ah, 24)]],
    ['four headers', [of(hopByHop), of(routing, 24), of(fragment), of(destination, 16)]],
    ['AH behind a fragment header', [of(fragment), of(ah, 24)]],
    ['a header that claims to be long', [of(destination, 8, { claimedUnits: 200 })]],
    ['twelve headers', Array.from({ length: 12 }, () => of(destination))],
  ];
  const chained = chains.flatMap(([name, extensions]) =>
    telling.map((one) => {
      const { next, payload } = extended(extensions, one.protocol, one.bytes);
      return {
        name: `IPv6 ${name}, ${one.name}`,
        bytes: ethernetFrame(macs, ETHERTYPE.ipv6, ipv6(next, payload)),
      };
    }),
  );
  const shapes: readonly (readonly [string, Ipv6Fields])[] = [
    ['to a group', { dst: 'ff02::1' }],
    ['from a link', { src: 'fe80::1', dst: 'fe80::2' }],
    ['flow label', { flowLabel: 0xabcde, trafficClass: 0xb8 }],
    ['length 0', { claimedLength: 0 }],
    ['hop limit 255', { hopLimit: 255 }],
  ];
  const odd = shapes.flatMap(([name, fields]) =>
    telling.map((one) => ({ name: `IPv6 ${name}, ${one.name}`, bytes: over6(one, fields) })),
  );
  return [...chained, ...odd];
}

/** Frames that are no IP. */
function otherTypes(): Frame[] {
  const of = (name: string, bytes: Uint8Array): Frame => ({ name, bytes });
  const types = [
    0x0600, 0x0bad, 0x6002, 0x6003, 0x6004, 0x809b, 0x80f3, 0x8137, 0x888e, 0x88b5, 0x88cc, 0x88f7, 0x8906,
    0x9000, 0xffff,
  ];
  const arps = [1, 2, 8].flatMap((operation) => [
    of(
      `ARP ${operation}`,
      ethernetFrame(broadcast, ETHERTYPE.arp, padded(arp(operation, '192.0.2.1', '192.0.2.2'))),
    ),
    of(
      `RARP ${operation}`,
      ethernetFrame(broadcast, 0x8035, padded(arp(operation, '10.0.0.1', '198.51.100.7'))),
    ),
  ]);
  const decnet = concatBytes([Uint8Array.of(20, 0, 2, 1, 4), bigEndian(0x0204, 2), new Uint8Array(20)]);
  return [
    ...arps,
    ...types.map((type) =>
      of(`type 0x${type.toString(16)}`, ethernetFrame(macs, type, new Uint8Array(50).fill(type & 0xff))),
    ),
    of('DECnet', ethernetFrame(macs, 0x6003, padded(decnet))),
    of('STP', lengthFrame(llc(0x42, 0x42, [3], new Uint8Array(35)), { ...macs, to: '01:80:c2:00:00:00' })),
    of('NetBEUI', lengthFrame(llc(0xf0, 0xf0, [3], new Uint8Array(40)))),
    of('IPX over LLC', lengthFrame(llc(0xe0, 0xe0, [3], new Uint8Array(30)))),
    of('IPX without LLC', lengthFrame(new Uint8Array(30).fill(0xff))),
    of('IS-IS', lengthFrame(llc(0xfe, 0xfe, [3], Uint8Array.of(0x83, 27, 1, 0, 16, 1, 0, 0)))),
    of('IS-IS level 2', lengthFrame(llc(0xfe, 0xfe, [3], Uint8Array.of(0x83, 27, 1, 0, 20, 1, 0, 0)))),
    of('ES-IS', lengthFrame(llc(0xfe, 0xfe, [3], Uint8Array.of(0x82, 27, 1, 0, 2, 1, 0, 0)))),
    of('CLNP', lengthFrame(llc(0xfe, 0xfe, [3], Uint8Array.of(0x81, 27, 1, 0, 2, 1, 0, 0)))),
    of('LLC information', lengthFrame(llc(0x04, 0x04, [2, 4], new Uint8Array(20)))),
    of('LLC supervisory', lengthFrame(llc(0x04, 0x05, [1, 0], new Uint8Array(0)))),
    of('LLC XID', lengthFrame(llc(0x00, 0x01, [0xaf], Uint8Array.of(0x81, 1, 0)))),
    of('SNAP, IPv4', lengthFrame(snap(0, ETHERTYPE.ipv4, ipv4(PROTOCOL.udp, udp(53, 53))))),
    of('SNAP, IPv6', lengthFrame(snap(0, ETHERTYPE.ipv6, ipv6(PROTOCOL.udp, udp(53, 53))))),
    of('SNAP, ARP', lengthFrame(snap(0, ETHERTYPE.arp, arp(1, '192.0.2.1', '192.0.2.2')))),
    of('AppleTalk', lengthFrame(snap(0x080007, 0x809b, new Uint8Array(20)))),
    of('AARP', lengthFrame(snap(0, 0x80f3, new Uint8Array(28)))),
    of('CDP', lengthFrame(snap(0x00000c, 0x2000, new Uint8Array(30)), { ...macs, to: '01:00:0c:cc:cc:cc' })),
    of('ISO over IP', over4({ name: '', protocol: 80, bytes: new Uint8Array(20) })),
  ];
}

function groups(): Frame[] {
  return telling.flatMap((one) => [
    { name: `broadcast, ${one.name}`, bytes: over4(one, { dst: '192.0.2.255' }, broadcast) },
    { name: `multicast, ${one.name}`, bytes: over4(one, { dst: '239.1.2.3' }, multicast) },
    {
      name: `IPv6 multicast, ${one.name}`,
      bytes: over6(one, { dst: 'ff02::fb' }, { ...macs, to: '33:33:00:00:00:fb' }),
    },
  ]);
}

function labelled(): Frame[] {
  const packets = telling.map((one) => ({
    name: one.name,
    four: ipv4(one.protocol, one.bytes),
    six: ipv6(one.protocol, one.bytes),
  }));
  const stacks = [[100], [100, 200], [100, 200, 300], [0], [2], [1048575, 16]];
  return packets.slice(0, 3).flatMap(({ name, four, six }) => [
    ...stacks.flatMap((labels) => [
      { name: `MPLS ${labels}, IPv4, ${name}`, bytes: ethernetFrame(macs, TYPE.mpls, mpls(labels, four)) },
      { name: `MPLS ${labels}, IPv6, ${name}`, bytes: ethernetFrame(macs, TYPE.mpls, mpls(labels, six)) },
    ]),
    { name: `multicast MPLS, ${name}`, bytes: ethernetFrame(macs, TYPE.mplsMulticast, mpls([100], four)) },
    {
      name: `PPPoE, IPv4, ${name}`,
      bytes: ethernetFrame(macs, TYPE.pppoeSession, pppoeSession(7, PPP.ipv4, four)),
    },
    {
      name: `PPPoE, IPv6, ${name}`,
      bytes: ethernetFrame(macs, TYPE.pppoeSession, pppoeSession(0xff, PPP.ipv6, six)),
    },
  ]);
}

function discoveries(): Frame[] {
  const lcp = pppoeSession(7, PPP.lcp, Uint8Array.of(9, 1, 0, 8, 1, 2, 3, 4));
  return [
    ...[0x09, 0x07, 0x19, 0x65, 0xa7].map((code) => ({
      name: `PPPoE discovery ${code}`,
      bytes: ethernetFrame(broadcast, TYPE.pppoeDiscovery, padded(pppoeDiscovery(code))),
    })),
    { name: 'PPPoE, LCP', bytes: ethernetFrame(macs, TYPE.pppoeSession, padded(lcp)) },
  ];
}

/** Frames with tags in their bytes. */
export function taggedFrames(): Frame[] {
  const stacks: readonly (readonly [string, readonly (readonly [number, number])[]])[] = [
    ['10', [[0x8100, 10]]],
    ['priority 5, 20', [[0x8100, 0xa014]]],
    ['0', [[0x8100, 0]]],
    ['4095', [[0x8100, 0xffff]]],
    ['802.1ad 30', [[0x88a8, 30]]],
    ['9100 40', [[0x9100, 40]]],
    [
      '802.1ad 10, 20',
      [
        [0x88a8, 10],
        [0x8100, 20],
      ],
    ],
    [
      '10, 20',
      [
        [0x8100, 10],
        [0x8100, 20],
      ],
    ],
    [
      '10, 20, 30',
      [
        [0x8100, 10],
        [0x8100, 20],
        [0x8100, 30],
      ],
    ],
  ];
  const inside: Frame[] = [
    ...telling.slice(0, 4).map((one) => ({ name: `IPv4, ${one.name}`, bytes: over4(one) })),
    ...telling.slice(0, 2).map((one) => ({ name: `IPv6, ${one.name}`, bytes: over6(one) })),
    { name: 'fragment', bytes: over4(telling[1]!, { fragmentOffset: 100 }) },
    { name: 'ARP', bytes: ethernetFrame(broadcast, ETHERTYPE.arp, padded(arp(1, '192.0.2.1', '192.0.2.2'))) },
    { name: 'MPLS', bytes: ethernetFrame(macs, TYPE.mpls, mpls([100], ipv4(PROTOCOL.udp, udp(53, 53)))) },
    {
      name: 'PPPoE',
      bytes: ethernetFrame(
        macs,
        TYPE.pppoeSession,
        pppoeSession(7, PPP.ipv4, ipv4(PROTOCOL.udp, udp(53, 53))),
      ),
    },
    { name: 'STP', bytes: lengthFrame(llc(0x42, 0x42, [3], new Uint8Array(35))) },
  ];
  return stacks.flatMap(([tags, stack]) =>
    inside.map(({ name, bytes }) => ({ name: `VLAN ${tags}, ${name}`, bytes: tagged(bytes, stack) })),
  );
}

/** Whole frames that end early: nothing was left out by a snaplen. */
function runts(): Frame[] {
  const whole: Frame[] = [
    {
      name: 'IPv4, TCP',
      bytes: over4(carriedBy('TCP GET behind options'), { options: new Uint8Array(8).fill(1) }),
    },
    { name: 'IPv6, UDP', bytes: over6(carriedBy('UDP DNS')) },
    { name: 'VLAN, IPv4, UDP', bytes: tagged(over4(carriedBy('UDP DNS')), [[0x8100, 10]]) },
    { name: 'ARP', bytes: ethernetFrame(macs, ETHERTYPE.arp, arp(1, '192.0.2.1', '192.0.2.2')) },
  ];
  const lengths = [
    0, 1, 5, 6, 11, 12, 13, 14, 15, 16, 17, 18, 20, 23, 24, 26, 30, 33, 34, 36, 38, 42, 47, 53, 54, 56, 58,
  ];
  return whole.flatMap(({ name, bytes }) =>
    lengths
      .filter((length) => length < bytes.length)
      .map((length) => ({ name: `${name}, ${length} bytes`, bytes: bytes.subarray(0, length) })),
  );
}

function jumbo(): Frame[] {
  const long = (bytes: number): Carried => ({
    name: '',
    protocol: PROTOCOL.udp,
    bytes: udp(9, 9, new Uint8Array(bytes).fill(7)),
  });
  return [1400, 1472, 4000, 8972, 60000].flatMap((bytes) => [
    { name: `IPv4, ${bytes} bytes of UDP`, bytes: over4(long(bytes)) },
    { name: `IPv6, ${bytes} bytes of UDP`, bytes: over6(long(bytes)) },
  ]);
}

export function corpusFrames(): Frame[] {
  return [
    ...everyProtocol(),
    ...oddIpv4(),
    ...oddIpv6(),
    ...otherTypes(),
    ...groups(),
    ...labelled(),
    ...discoveries(),
    ...taggedFrames(),
    ...runts(),
    ...jumbo(),
  ];
}
