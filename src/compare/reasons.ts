/** What the kernel's drop reasons mean, in a few words (include/net/dropreason-core.h, Linux 6.18). */
const meanings: Readonly<Record<string, string>> = {
  NO_SOCKET: 'nobody listens there',
  SOCKET_FILTER: "the socket's own filter refused it",
  SOCKET_RCVBUFF: "the socket's receive buffer was full",
  SOCKET_BACKLOG: "the socket's backlog was full",
  PROTO_MEM: 'the memory of its protocol was used up',
  PACKET_SOCK_ERROR: "the packet socket's buffer was full",
  PKT_TOO_SMALL: 'it is cut short',
  PKT_TOO_BIG: 'it is larger than the MTU',
  IP_CSUM: 'bad checksum of the IP header',
  IP_INHDR: 'its IP header is wrong',
  IP_RPFILTER: 'reverse path filter: no way back to the sender through this device',
  IP_INNOROUTES: 'no route to its destination',
  IP_OUTNOROUTES: 'no route to its destination',
  IP_INADDRERRORS: 'its destination is not one to route to',
  IP_INVALID_SOURCE: 'its source is no address that can send',
  IP_INVALID_DEST: 'its destination is no valid address',
  IP_LOCAL_SOURCE: 'martian: its source is an address of this host',
  IP_LOCALNET: 'martian: a loopback address on another device',
  IP_NOPROTO: 'nobody takes its protocol',
  UNICAST_IN_L2_MULTICAST: 'a unicast address in a multicast frame',
  UDP_CSUM: 'bad UDP checksum',
  TCP_CSUM: 'bad TCP checksum',
  ICMP_CSUM: 'bad ICMP checksum',
  SKB_CSUM: 'bad checksum',
  OTHERHOST: 'its frame is for another host',
  UNHANDLED_PROTO: 'nobody takes its protocol',
  XFRM_POLICY: 'IPsec policy',
  TC_INGRESS: 'tc ingress',
  TC_EGRESS: 'tc egress',
  QDISC_DROP: 'the qdisc is full',
  QDISC_OVERLIMIT: 'the qdisc is full',
  QDISC_CONGESTED: 'the qdisc found the queue congested',
  CPU_BACKLOG: "the CPU's backlog was full",
  FULL_RING: "the device's ring was full",
  NOMEM: 'no memory',
  DEV_READY: 'the device is down',
  BPF_CGROUP_EGRESS: 'a cgroup program',
  IPV6DISABLED: 'IPv6 is switched off on the device',
  NEIGH_FAILED: 'the next hop did not answer',
  NEIGH_QUEUEFULL: 'too many packets wait for the next hop to answer',
  NEIGH_DEAD: 'the entry of the next hop is gone',
  TCP_ZEROWINDOW: 'the window of the receiver was closed',
  TCP_OLD_DATA: 'the receiver has this data already',
  VLAN_FILTER: 'the bridge lets no such VLAN through here',
  BRIDGE_INGRESS_STP_STATE: 'the bridge port is not forwarding',
};

/** ip_forward gives it for a TTL that ended, too (net/ipv4/ip_forward.c). */
const ttlEnded = /^ip6?_forward/;

/** Absent where the name says no less than the kernel does. */
export function reasonMeaning(reason: string, by: string | undefined): string | undefined {
  if (reason === 'IP_INHDR' && by !== undefined && ttlEnded.test(by)) return 'its TTL ended here';
  return meanings[reason];
}
