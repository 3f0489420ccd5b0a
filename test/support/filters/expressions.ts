/**
 * The whole of pcap-filter(7) as far as it has a meaning on Ethernet: one expression an entry, in groups. Names of
 * hosts and services are left out where they would depend on the machine.
 */

const parsed = (listed: string): string[] => listed.trim().split(/\s*;\s*|\s*\n\s*/);

const protocols = parsed(String.raw`
ip; ip6; arp; rarp; tcp; udp; icmp; icmp6; sctp; igmp; igrp; esp; ah; vrrp; carp; pim; atalk; aarp; decnet; iso; stp
ipx; netbeui; lat; moprc; mopdl; clnp; esis; isis; l1; l2; iih; lsp; snp; psnp; csnp; llc; mpls; pppoed; pppoes
not ip; ! ip; ip or ip6; ip and not tcp; not (tcp or udp) and ip; tcp or udp or sctp; not not arp
ether proto 0x88b5; ether proto 0x88cc; ether proto \ip; ether proto \ip6; ether proto \arp; ether proto \rarp
ether proto \atalk; ether proto \aarp; ether proto \decnet; ether proto \sca; ether proto \lat; ether proto \mopdl
ether proto \moprc; ether proto \iso; ether proto \stp; ether proto \ipx; ether proto \netbeui; ether proto 0x600
ether proto 100; ether proto 0x42; ether proto 0xffff; ip proto 47; ip proto \tcp; ip proto \udp; ip proto \icmp
ip proto \igmp; ip proto \pim; ip proto \ah; ip proto \esp; ip proto \vrrp; ip proto 255; ip proto 0; proto 17; proto \tcp
proto 6 and ip6; ip6 proto 58; ip6 proto \udp; ip6 proto \tcp; ip6 proto 0; ip6 proto 44; ip6 proto 59; ip6 proto 43
iso proto \clnp; iso proto \esis; iso proto \isis; isis proto 16
llc i; llc s; llc u; llc rr; llc rnr; llc rej; llc ui; llc ua; llc disc; llc sabme; llc test; llc xid; llc frmr
`);

const addresses = parsed(`
host 192.0.2.1; src host 192.0.2.1; dst host 198.51.100.7; src or dst host 192.0.2.1; src and dst host 127.0.0.1
ip host 192.0.2.1; arp host 192.0.2.1; rarp host 10.0.0.1; ip src host 192.0.2.1; ip dst host 198.51.100.7
arp src host 192.0.2.1; arp dst host 192.0.2.2; src 192.0.2.1; dst 198.51.100.7; host 192.0.2.1 or 10.1.2.3
host 192.0.2.1 and 198.51.100.7; host (192.0.2.1 or 10.1.2.3); not host 192.0.2.1; host 0.0.0.0; host 255.255.255.255
host 2001:db8::1; src host 2001:db8::1; dst host 2001:db8:0:1::7; ip6 host fe80::1; ip6 host ff02::1; ip6 src host ::1
net 192.0.2.0/24; src net 192.0.2.0/24; dst net 198.51.100.0/22; net 10; net 10.1; net 192.0.2; net 172.16.0.0/12
src net 10.0.0.0/8; net 192.0.2.0 mask 255.255.255.0; net 192.0.2.0 mask 255.255.255.128; net 10.0.0.0 mask 255.0.0.0
net 0.0.0.0/0; not net 224.0.0.0/4; dst net 224.0.0.0/3; net 192.0.2.1/32; src or dst net 10.0.0.0/8
ip net 198.51.100.0/24; arp net 192.0.2.0/24; net 2001:db8::/32; dst net 2001:db8::/64; src net 2001:db8::/48
ip6 net fe80::/10; net 2001:db8::/127; not net 2001:db8::/33; ip6 net ::/0; net ff00::/8
ether host 02:00:00:00:00:0a; ether src 02:00:00:00:00:0a; ether dst 02:00:00:00:00:0b; ether host ff:ff:ff:ff:ff:ff
ether src host 02:00:00:00:00:0c; ether dst host 01:80:c2:00:00:00; not ether src 02:00:00:00:00:0a
ether broadcast; broadcast; ether multicast; multicast; ip broadcast; ip multicast; ip6 multicast; not ether multicast
ether host 02:00:00:00:00:0a and 02:00:00:00:00:0b; ether host 2:0:0:0:0:c; ether dst 33:33:00:00:00:fb and udp
decnet src 1.1; decnet dst 1.4; decnet host 1.4; host 192.0.2.1 and not 198.51.100.7
`);

const ports = parsed(`
port 53; src port 53; dst port 53; tcp port 80; tcp src port 80; tcp dst port 80; udp port 53; udp src port 5353
udp dst port 53; sctp port 9; sctp dst port 36412; src or dst port 53; src and dst port 53; port 0; port 65535
not port 22; port 80 or 443; port 80 or port 443 or port 53; port (80 or 443); tcp port 80 and not port 443
ip and port 53; ip6 and port 53; tcp and port 53; src port 1234; dst port 80 or dst port 443; port 0x50; port 0120
portrange 1024-65535; portrange 0-1023; portrange 53-53; src portrange 1-1023; dst portrange 6000-6010
tcp portrange 80-443; udp portrange 5000-6000; tcp src portrange 1-1023; udp dst portrange 4789-6081; sctp portrange 1-9
not portrange 1-1023; udp and not port 53; portrange 80-20; host 192.0.2.1 and port 80; host 192.0.2.1 and udp port 53
src host 192.0.2.1 and dst port 80; tcp port 443 and host 198.51.100.7; net 192.0.2.0/24 and portrange 50-60
port 53 and not (host 192.0.2.1 and tcp); (tcp or udp) and (port 53 or port 80) and not net 10.0.0.0/8
`);

const bytesOf = parsed(`
tcp[tcpflags] & tcp-syn != 0; tcp[tcpflags] & (tcp-syn|tcp-fin) != 0; tcp[tcpflags] == tcp-syn; tcp[13] & 0x12 = 0x12
tcp[tcpflags] = (tcp-syn|tcp-ack); tcp[tcpflags] & tcp-rst != 0; tcp[tcpflags] & tcp-push != 0; tcp[tcpflags] & tcp-urg = 0
tcp[tcpflags] & tcp-ece != 0; tcp[tcpflags] & tcp-cwr != 0; tcp[13] = 0xff; tcp[13] = 0; tcp[0:2] = 80; tcp[2:2] > 1023
tcp[4:4] = 0x01020304; tcp[8:4] & 0xff = 8; tcp[12] >> 4 > 5; tcp[14:2] = 64240; tcp port 80 and tcp[tcpflags] & tcp-syn = 0
tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420; tcp[((tcp[12:1] & 0xf0) >> 2):2] = 0x4745; tcp[20:4] = 0x47455420
tcp[tcp[12] / 4] = 0x47; tcp[(tcp[12] >> 2) + 4] = 0x2f
icmp[icmptype] = icmp-echo; icmp[icmptype] = icmp-echoreply; icmp[icmptype] = icmp-unreach and icmp[icmpcode] = 4
icmp[icmptype] = icmp-sourcequench; icmp[icmptype] = icmp-redirect; icmp[icmptype] = icmp-routeradvert
icmp[icmptype] = icmp-routersolicit; icmp[icmptype] = icmp-timxceed; icmp[icmptype] = icmp-paramprob
icmp[icmptype] = icmp-tstamp; icmp[icmptype] = icmp-tstampreply; icmp[icmptype] = icmp-ireq; icmp[icmptype] = icmp-maskreq
icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply; icmp[4:2] = 0x4500; icmp[0] > 3; icmp[8] = 0x45
icmp6[icmp6type] = icmp6-echo; icmp6[icmp6type] = icmp6-echoreply; icmp6[icmp6type] = icmp6-neighborsolicit
icmp6[icmp6type] = icmp6-neighboradvert; icmp6[icmp6type] = icmp6-routeradvert; icmp6[icmp6type] = icmp6-routersolicit
icmp6[icmp6type] = icmp6-destinationunreach; icmp6[icmp6type] = icmp6-packettoobig; icmp6[icmp6type] = icmp6-timeexceeded
icmp6[icmp6type] = icmp6-multicastlistenerquery; icmp6[icmp6type] = icmp6-redirect; icmp6[icmp6code] = 4; icmp6[0] >= 128
udp[4:2] > 100; udp[4:2] = 8; udp[8] = 0xa5; udp[0:2] = udp[2:2]; udp[0:4] = 0x14e90035; udp[8:4] = 0xa5a5a5a5
udp[4:2] > 100 and udp[8] = 0; sctp[0:2] = 9; sctp[12] = 1; sctp[4:4] = 7; igmp[0] = 0x22; vrrp[1] = 1; pim[0] = 0x20
igrp[0] = 2; carp[0] = 0x21
ip[0] = 0x45; ip[0] & 0xf != 5; ip[0] & 0xf0 = 0x60; ip[1] & 0xfc = 0xb8; ip[1] & 3 = 3; ip[2:2] > 576; ip[2:2] = 0
ip[6:2] & 0x1fff != 0; ip[6:2] & 0x3fff != 0; ip[6] & 0x40 != 0; ip[6] & 0x20 != 0 and udp; ip[8] < 64; ip[8] = 1
ip[9] = 17; ip[12:4] = 0xc0000201; ip[16:4] & 0xffffff00 = 0xc6336400; ip[20:4] = 0x01010101; ip[ip[2:2] / 2] > 10
ip[ip[2:2] - 1] = 0xa5; ip[(ip[0] & 0xf) * 4:2] = 80; ip[65000] = 7; ip[59000:4] = 0x07070707
ip6[0] & 0xf0 = 0x60; ip6[0:2] & 0xff0 = 0xb80; ip6[0:4] & 0xfffff = 0xabcde; ip6[4:2] = 0; ip6[6] = 44; ip6[6] = 0
ip6[7] = 255; ip6[8:4] = 0x20010db8; ip6[24] = 0xff; ip6[40] = 128; ip6[40:2] = 0x0604; ip6[ip6[4:2] + 39] = 0xa5
ether[0] & 1 = 1; ether[0:4] = 0x02000000; ether[6:2] = 0x0200; ether[12:2] = 0x800; ether[12:2] > 1500; ether[12:2] < 0x600
ether[14] = 0x45; ether[12:4] = 0x8100000a; ether[13] = ether[12]; ether[0:4] = ether[6:4]; ether[100] = 7; ether[70000] = 0
ether[len - 1] = 0; ether[len - 4:4] = 0xa5a5a5a5; ether[len / 2] = 7; ether[ether[12]] = 2; ether[ether[14] & 0xf] = 0xa
arp[6:2] = 1; arp[6:2] = 2; arp[14:4] = 0xc0000201; arp[24:4] = 0xc0000202; arp[0:2] = 1 and arp[4] = 6; rarp[6:2] = 8
atalk[0] = 0; decnet[0] = 20; lat[0] = 4; moprc[0] = 2; mopdl[0] = 1; ppp[0] = 0; link[12:2] = 0x806; byte 14 = 0x45
byte 0 & 1; byte 23 > 5; byte 12 < 8; byte 14 | 0x40
`);

const arithmetic = parsed(`
len > 100; len < 64; len >= 60; len <= 60; len = 60; len == 60; len != 60; less 64; greater 1000; less 14; greater 1514
len / 2 > 40; len % 7 = 3; len * 3 - 5 > 300; -len < 5; - len > 100; len & 3 = 1; len ^ 255 > 128; (len << 2) | 1 > 400
len >> 3 = 8; len - len = 0; 10 / (len - 60) = 0; 10 % (len - 60) = 1; len >> (ether[13] & 7) > 3
1 = 1; 3 + 4 * 2 = 11; 0x10 = 16; 010 = 8; 5 - 6 > 0; len > 50 and len < 100; not len > 100; len * len > 10000
tcp and len - ip[2:2] > 14; ip and len - 14 != ip[2:2]; ip6 and len - 54 = ip6[4:2]; ether[0] * 256 + ether[1] = 0x200
(ip[2:2] - ((ip[0] & 0xf) << 2)) - ((tcp[12] & 0xf0) >> 2) != 0; ip[2:2] / ip[8] = 1; ip[2:2] % 16 = 4; ip[8] & ip[9] != 0
ip[8] | ip[9] = 81; ip[8] ^ ip[9] > 40; ip[0] + ip[1] + ip[2] + ip[3] > 300; tcp[13] + 1 > 17; (tcp[13] & 2) * 4 = 8
`);

const layers = parsed(String.raw`
mpls 100; mpls 0; mpls 1048575; mpls and ip; mpls 100 and ip; mpls 100 and ip6; mpls 100 and mpls 200; mpls and mpls
mpls 100 and mpls 200 and mpls 300; mpls 100 and mpls 200 and host 192.0.2.1; mpls 100 and tcp port 80; mpls and udp port 53
mpls and ip6 and tcp; mpls 100 and mpls 200 and mpls 300 and udp; not mpls; mpls and not ip; mpls 2; mpls and icmp
pppoes 7; pppoes 0xff; pppoes and ip; pppoes and ip6; pppoes 7 and tcp port 80; pppoes 0xff and tcp port 80; pppoes 8
pppoes and udp port 53; not pppoes; pppoes and host 192.0.2.1; pppoes and ip[8] = 64; pppoes and icmp
ip protochain 6; ip protochain \tcp; ip protochain 51; ip protochain 58; ip protochain \udp; ip protochain 50
ip6 protochain 6; ip6 protochain \udp; ip6 protochain 58; ip6 protochain 44; ip6 protochain 51; protochain 17
ip6 protochain \tcp and ip6[40] = 6; not ip6 protochain 58; ip protochain 6 or ip6 protochain 6
geneve; geneve 0
`);

/** Beside `vlan`, which a live capture decides by the tag in metadata. */
export const vlanExpressions: readonly string[] = parsed(`
vlan; vlan 10; vlan 20; vlan 0; vlan 4095; vlan 30; vlan 40; vlan 0xa; not vlan; not vlan 10; vlan 10 or vlan 20
vlan and ip; vlan and ip6; vlan and arp; vlan and tcp; vlan and tcp port 80; vlan and udp port 53; vlan and not ip
vlan 10 and vlan 20; vlan and vlan; vlan and vlan and ip; vlan 10 and vlan 20 and tcp port 80; vlan and vlan and vlan
vlan 10 and vlan 20 and vlan 30; vlan 10 && vlan 20 && vlan 30 && udp port 53; vlan 10 and host 192.0.2.1
vlan and host 2001:db8::1; vlan and net 192.0.2.0/24; vlan and icmp; vlan and ip[8] = 64; vlan and tcp[13] & 16 != 0
vlan and ether src 02:00:00:00:00:0a; vlan and ether dst 02:00:00:00:00:0b; vlan and ether host ff:ff:ff:ff:ff:ff
vlan and ether broadcast; vlan and ether[12:2] = 0x800; vlan and ether[12:2] = 0x8100; vlan and ether proto 0x800
arp or vlan; arp or vlan 10; ip or vlan; udp port 53 or vlan 10; udp port 53 or (vlan and udp port 53)
udp or vlan and udp; not vlan and ip; not (vlan and ip); (vlan 10 or vlan 20) and ip; vlan and (tcp or udp); vlan and port 53
vlan and len > 80; vlan and greater 64; vlan and less 100; vlan and mpls; vlan and mpls 100 and ip; vlan and pppoes
vlan and pppoes 7 and udp; vlan and stp; vlan and llc; vlan and ip multicast
vlan and not vlan; vlan 10 and not vlan 20; ether[14:2] & 0xfff = 10; vlan and ip[6:2] & 0x1fff != 0
`);

/** Where libpcap and the kernel evaluate the same program differently (native/classic_bpf.h). */
export const dialectExpressions: readonly string[] = parsed(`
len << ether[13] = 0; 1 << len > 0; len >> len = 0; ip[len - len - 2:2] = 0x800; ip[udp[0:2] - 55:2] = 0x800
`);

/** What libpcap takes for files and refuses for live captures: "'protochain' not supported with variable length headers". */
export const fileExpressions: readonly string[] = ['vlan and ip6 protochain 6', 'vlan and ip protochain 6'];

/** The last one of these 500 hosts is in the corpus. */
const manyHosts = [
  ...Array.from({ length: 499 }, (_, at) => `host 172.20.${at >> 6}.${at & 63}`),
  'host 10.1.2.3',
].join(' or ');

const manyPorts = Array.from({ length: 100 }, (_, at) => `port ${3 * at + 50}`).join(' or ');
const manyNets6 = Array.from({ length: 60 }, (_, at) => `net 2001:db8:${at.toString(16)}::/48`).join(' or ');

/** What libpcap takes for files and for live captures. The empty filter lets everything through. */
export const expressions: readonly string[] = [
  '',
  ...protocols,
  ...addresses,
  ...ports,
  ...bytesOf,
  ...arithmetic,
  ...layers,
  ...vlanExpressions,
  ...fileExpressions,
  ...dialectExpressions,
  manyHosts,
  manyPorts,
  manyNets6,
];

/** What only a live capture knows: libpcap refuses these for files. */
export const liveExpressions: readonly string[] = parsed(`
inbound; outbound; not inbound; udp and outbound; ifindex 1; ifindex 2; not ifindex 1; vlan and inbound; vlan and outbound
ip and vlan; udp and vlan 10
`);

/** What libpcap refuses on Ethernet, with its words. */
export const refusedExpressions: readonly (readonly [string, RegExp])[] = [
  ['gateway 192.0.2.1', /'gateway' (?:not supported|requires a name)|syntax error/],
  ['gateway example', /'gateway' not supported/],
  ['ifname eth0', /ifname/],
  ['on eth0', /ifname/],
  ['rnr 5', /PF|rulenum/],
  ['type mgt', /802\.11/],
  ['wlan addr1 02:00:00:00:00:0a', /802\.11/],
  ['dir nods', /802\.11/],
  ['lane', /ATM/],
  ['vpi 1', /ATM/],
  ['fisu', /MTP2|mtp2/],
  ['radio[0] = 1', /radio/],
  ['tcp port', /syntax error/],
  ['host', /syntax error/],
  ['tcp prot 80', /syntax error/],
  ['ip and (', /syntax error/],
  ['port 65536', /illegal port number/],
  ['tcp port ssh or', /syntax error/],
  ['vlan 4096', /VLAN tag 4096 greater than maximum/],
  ['mpls 1048576', /MPLS label/],
  ['net 192.0.2.1/24', /non-network bits/],
  ['net 192.0.2.0/33', /mask length/],
  ['ip6 host 192.0.2.1', /ip6/],
  ['tcp host 192.0.2.1', /qualifier|host/],
  ['arp port 80', /illegal qualifier of 'port'/],
  ['ether port 80', /illegal qualifier of 'port'/],
  ['icmp[70:3] = 1', /data size must be 1, 2, or 4/],
  ['len / 0 = 1', /[Dd]ivision by zero/],
  ['ip[0', /syntax error/],
  ['1 +', /syntax error/],
  ['ip and ip6', /rejects all packets/],
  ['pppoed and pppoes', /rejects all packets/],
  ['1 = 2', /rejects all packets/],
  ['len > 99999999999', /number|overflow|large/i],
];
