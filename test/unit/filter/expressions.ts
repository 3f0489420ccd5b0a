/** Filters of many kinds: every class of instruction that libpcap's compiler makes of them. */

const listed = String.raw`
ip; ip6; arp; rarp; tcp; udp; icmp; icmp6; sctp; igmp; esp; ah; vrrp; pim; proto 17; ip proto 47; ip6 proto 58
not ip; ip or ip6; ip and not tcp; not (tcp or udp) and ip; ether proto 0x88b5; ether proto 0x88cc; ether proto \arp
host 192.0.2.1; src host 192.0.2.1; dst host 192.0.2.2; host 2001:db8::1; src net 192.0.2.0/24; net 10.0.0.0/8
net 2001:db8::/32; dst net 2001:db8::/64; not net 224.0.0.0/4; host 192.0.2.1 and port 80; ip multicast
port 53; tcp port 443; src port 1234; dst port 80 or dst port 443; portrange 1024-65535; not port 22; sctp port 9
tcp src portrange 1-1023; udp and not port 53; tcp port 80 and tcp[tcpflags] & tcp-syn = 0; ip6 multicast
tcp[tcpflags] & (tcp-syn|tcp-fin) != 0; tcp[tcpflags] == tcp-syn; tcp[13] & 0x12 = 0x12
tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420; icmp[icmptype] = icmp-echo; icmp6[icmp6type] = icmp6-neighborsolicit
icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply; udp[4:2] > 100 and udp[8] = 0
ip[8] < 64; ip[6:2] & 0x1fff != 0; ip[2:2] > 576; ip[0] & 0xf != 5; ip[1] & 0xfc = 0xb8; ip[ip[2:2] / 2] > 10
ip6[40] = 128; ip6[6] = 44; tcp and len - ip[2:2] > 14; ip6 protochain 6; ip protochain 51; ip6 protochain 58
ether host 02:00:00:00:00:0a; ether src 02:00:00:00:00:0a; ether broadcast; ether multicast; ether[0] & 1 = 1
ether[12:2] = 0x800; vlan; vlan 10; vlan and ip; vlan 10 and vlan 20; vlan and tcp port 80; not vlan; mpls; mpls 100
pppoes; llc; stp; ipx; iso; len > 100; less 64; greater 1000; len / 2 > 40; len % 7 = 3; len * 3 - 5 > 300; -len < 5
len & 3 = 1; len ^ 255 > 128; (len << 2) | 1 > 400; len >> 3 = 8; len - len = 0; 10 / (len - 60) = 0; len << ether[13] = 0
`;

/** The empty filter lets everything through. */
export const expressions: readonly string[] = ['', ...listed.trim().split(/;\s*|\n/)];
