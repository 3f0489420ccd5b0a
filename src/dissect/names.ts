/** Names of ethertypes and IP protocols, as tcpdump writes them. Numbers: IEEE and IANA registries. */
import { hex } from './bytes.js';

export const ETHERTYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  transparentEthernet: 0x6558,
  rarp: 0x8035,
  vlan: 0x8100,
  ipv6: 0x86dd,
  ppp: 0x880b,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  jumboLlc: 0x8870,
  serviceVlan: 0x88a8,
  macsec: 0x88e5,
  vlan9100: 0x9100,
  vlan9200: 0x9200,
} as const;

const ethertypes = new Map<number, string>([
  [0x0800, 'IPv4'],
  [0x86dd, 'IPv6'],
  [0x0806, 'ARP'],
  [0x8100, '802.1Q'],
  [0x88a8, '802.1Q-QinQ'],
  [0x9100, '802.1Q-9100'],
  [0x9200, '802.1Q-9200'],
  [0x00fe, 'GRE-OSI'],
  [0x0200, 'PUP'],
  [0x0500, 'Sprite'],
  [0x0600, 'NS'],
  [0x0707, 'GeoNet (old)'],
  [0x1000, 'Trail'],
  [0x1111, 'CALM FAST'],
  [0x6001, 'MOP DL'],
  [0x6002, 'MOP RC'],
  [0x6003, 'DN'],
  [0x6004, 'LAT'],
  [0x6007, 'SCA'],
  [0x6558, 'TEB'],
  [0x8035, 'Reverse ARP'],
  [0x8038, 'Lanbridge'],
  [0x803c, 'DEC DNS'],
  [0x803e, 'DEC DTS'],
  [0x805b, 'VEXP'],
  [0x805c, 'VPROD'],
  [0x809b, 'Appletalk'],
  [0x80f3, 'Appletalk ARP'],
  [0x8137, 'IPX'],
  [0x8808, 'MPCP'],
  [0x8809, 'Slow Protocols'],
  [0x880b, 'PPP'],
  [0x8847, 'MPLS unicast'],
  [0x8848, 'MPLS multicast'],
  [0x8863, 'PPPoE D'],
  [0x8864, 'PPPoE S'],
  [0x886f, 'MS NLB heartbeat'],
  [0x8870, 'Jumbo'],
  [0x888e, 'EAPOL'],
  [0x8899, 'Realtek protocols'],
  [0x88a2, 'AoE'],
  [0x88ca, 'TIPC'],
  [0x88cc, 'LLDP'],
  [0x88e5, '802.1AE MACsec'],
  [0x88f7, 'PTP'],
  [0x8902, 'CFM'],
  [0x893a, 'IEEE1905.1'],
  [0x8947, 'GeoNet'],
  [0x894f, 'NSH'],
  [0x9000, 'Loopback'],
  [0xabcd, 'CFM (old)'],
  [0xd28b, 'Arista Vendor Specific Protocol'],
  [0xfefe, 'OSI'],
]);

/** Ethertypes that tcpdump has a printer for and this module only names. */
const namedOnly = new Set<number>([
  0x6003, 0x809b, 0x80f3, 0x8137, 0xfefe, 0x8863, 0x8864, 0x888e, 0x8899, 0x880b, 0x8808, 0x8809, 0x8902,
  0xabcd, 0x88cc, 0x894f, 0x9000, 0x88ca, 0x886f, 0x0707, 0x8947, 0x1111, 0x88a2, 0x88f7, 0x88e5, 0xd28b,
]);

export function ethertypeName(type: number): string | undefined {
  return ethertypes.get(type);
}

/** Built once, since with -e every packet has one. */
const ethertypeLabels = new Map([...ethertypes].map(([type, name]) => [type, `${name} (0x${hex(type, 4)})`]));

/** `IPv4 (0x0800)`. */
export function ethertypeLabel(type: number, unknown = 'Unknown'): string {
  return ethertypeLabels.get(type) ?? `${unknown} (0x${hex(type, 4)})`;
}

/** The name to print for a payload that is only named; undefined where tcpdump knows no printer either. */
export function namedOnlyEthertype(type: number): string | undefined {
  return namedOnly.has(type) ? ethertypes.get(type) : undefined;
}

/** Whether a VLAN tag follows this ethertype. */
export function isVlanEthertype(type: number): boolean {
  return (
    type === ETHERTYPE.vlan ||
    type === ETHERTYPE.serviceVlan ||
    type === ETHERTYPE.vlan9100 ||
    type === ETHERTYPE.vlan9200
  );
}

export const IP_PROTOCOL = {
  hopByHop: 0,
  icmp: 1,
  igmp: 2,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmp6: 58,
  noNext: 59,
  destinationOptions: 60,
  mobilityOld: 62,
  sunNd: 77,
  eigrp: 88,
  ospf: 89,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  sctp: 132,
  mobility: 135,
  ethernet: 143,
} as const;

const ipProtocols = new Map<number, string>([
  [0, 'Options'],
  [1, 'ICMP'],
  [2, 'IGMP'],
  [4, 'IPIP'],
  [6, 'TCP'],
  [8, 'EGP'],
  [9, 'IGRP'],
  [17, 'UDP'],
  [33, 'DCCP'],
  [41, 'IPv6'],
  [43, 'Routing'],
  [44, 'Fragment'],
  [46, 'RSVP'],
  [47, 'GRE'],
  [50, 'ESP'],
  [51, 'AH'],
  [55, 'Mobile IP'],
  [58, 'ICMPv6'],
  [62, 'Mobile IP (old)'],
  [88, 'EIGRP'],
  [89, 'OSPF'],
  [103, 'PIM'],
  [108, 'Compressed IP'],
  [112, 'VRRP'],
  [113, 'PGM'],
  [132, 'SCTP'],
  [135, 'Mobility'],
  [143, 'Ethernet'],
]);

export function ipProtocolName(protocol: number): string {
  return ipProtocols.get(protocol) ?? 'unknown';
}

/** The names of the set bits, in table order, or `none`. */
export function bitNames(
  table: readonly (readonly [number, string])[],
  bits: number,
  separator = ', ',
): string {
  let text = '';
  for (const [bit, name] of table) if ((bits & bit) === bit) text += (text === '' ? '' : separator) + name;
  return text === '' ? 'none' : text;
}
