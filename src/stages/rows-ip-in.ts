/** Rows of the way in above the link layer: IP, netfilter, transport, socket; and the delivery to packet sockets. */
import { surroundings } from './path.js';
import { built, functionRungs, ipHookLadder, provedBy } from './rungs.js';
import type { Stage } from './types.js';

const noHooks = 'Where no hook is registered the kernel skips this stage.';

export const networkInRows: readonly Stage[] = [
  {
    number: 8,
    id: 'ip-rcv',
    title: 'Protocol handler: IPv4, IPv6 or ARP',
    layer: 'network',
    direction: 'rx',
    inPath: true,
    functions: ['ip_rcv', 'ip_list_rcv', 'ipv6_rcv', 'ipv6_list_rcv', 'arp_rcv'],
    frameStart: 'detect',
    ladder: [
      ...functionRungs(
        ['ip_rcv_core', 'ip6_rcv_core', 'arp_rcv'],
        { name: 'skb_arg0' },
        'The first step of ip_rcv and of ip_list_rcv alike, and those of IPv6 and ARP.',
      ),
      ...functionRungs(
        ['ip_rcv', 'ipv6_rcv'],
        { name: 'skb_arg0' },
        'Misses the packets that arrive in batches: those go through ip_list_rcv and ipv6_list_rcv.',
      ),
      provedBy(
        ['nf-prerouting'],
        'An IP packet at PRE_ROUTING has passed; one with a bad header is seen only at its drop.',
      ),
    ],
    ...surroundings('ip-rcv'),
    sees:
      'Every IPv4, IPv6 or ARP packet that the link layer handed on, headers not yet checked, frames for other hosts included. ' +
      'Sockets bound to one protocol (ETH_P_IP and the like) get theirs at this point too.',
    misses:
      'What tc ingress, netfilter ingress or an rx handler took, and other protocols. On a bridge port, frames that are ' +
      'bridged never come here.',
    source: 'net/ipv4/ip_input.c',
  },
  {
    number: 9,
    id: 'nf-prerouting',
    title: 'netfilter PRE_ROUTING: conntrack, DNAT',
    layer: 'network',
    direction: 'rx',
    group: 'netfilter',
    inPath: true,
    functions: ['nf_hook_slow', 'nf_hook_slow_list', 'ip_rcv', 'ip_sublist_rcv', 'ipv6_rcv'],
    frameStart: 'detect',
    ladder: ipHookLadder('NF_INET_PRE_ROUTING'),
    ...surroundings('nf-prerouting'),
    sees:
      'Every IP packet with a sound header that is meant for this machine to take or to route. In order of priority run raw, ' +
      'connection tracking, mangle and DNAT: before priority -100 the destination is still the one on the wire.',
    misses:
      'Frames addressed to the MAC address of another host (dropped just before), ARP, and what was taken on the link layer. ' +
      `A bridged packet may pass twice. ${noHooks}`,
    source: 'net/netfilter/core.c',
  },
  {
    number: 10,
    id: 'nf-input',
    title: 'netfilter LOCAL_IN: packets for this host',
    layer: 'network',
    direction: 'rx',
    group: 'netfilter',
    inPath: true,
    functions: ['nf_hook_slow', 'ip_local_deliver', 'ip6_input', 'arp_rcv'],
    frameStart: 'detect',
    ladder: ipHookLadder('NF_INET_LOCAL_IN'),
    ...surroundings('nf-input'),
    sees:
      'Every packet that routing found to be for this host, after DNAT: the INPUT chains, where most firewalls drop. ' +
      'ARP packets pass the input hook of their own family.',
    misses:
      'Packets that are forwarded, and what PRE_ROUTING or the route lookup (reverse path filter, no route) dropped. ' +
      noHooks,
    source: 'net/netfilter/core.c',
  },
  {
    number: 11,
    id: 'nf-forward',
    title: 'netfilter FORWARD: packets passing through',
    layer: 'network',
    direction: 'forward',
    group: 'netfilter',
    inPath: true,
    functions: ['nf_hook_slow', 'ip_forward', 'ip6_forward'],
    frameStart: 'detect',
    ladder: ipHookLadder('NF_INET_FORWARD'),
    ...surroundings('nf-forward'),
    sees:
      'Every packet that this host routes from one device to another, with both devices known: after DNAT, before SNAT, ' +
      'the TTL already one less.',
    misses:
      'Packets to or from this host itself, and packets whose TTL ended before this hook. Connections that a flow table forwards ' +
      'do not come here, and bridged frames pass the hook of the bridge family. ' +
      noHooks,
    source: 'net/netfilter/core.c',
  },
  {
    number: 12,
    id: 'l4-rcv',
    title: 'TCP, UDP or ICMP takes the packet',
    layer: 'transport',
    direction: 'rx',
    inPath: true,
    functions: ['tcp_v4_rcv', 'udp_rcv', 'icmp_rcv', 'tcp_v6_rcv', 'udpv6_rcv', 'icmpv6_rcv'],
    tracepointInside: 'tcp_rcv_established',
    frameStart: 'detect',
    ladder: [
      ...functionRungs(
        ['tcp_v4_rcv', 'udp_rcv', 'icmp_rcv', 'tcp_v6_rcv', 'udpv6_rcv', 'icmpv6_rcv'],
        { name: 'skb_arg0' },
        'A program for each protocol function; other protocols (SCTP, ESP, GRE) have their own, which are not watched.',
      ),
      built(
        'cgroup_skb',
        'BPF_CGROUP_INET_INGRESS',
        'cgroup_skb',
        'take',
        'A probe of ours: one more program at the root of the cgroup v2 hierarchy, which lets everything pass; needs kernel 6.4. It runs ' +
          'behind the entry, where the socket is found: only packets that have one are seen, once for each socket, and the socket is known.',
      ),
      {
        ...built(
          'tp_btf',
          'tcp_probe',
          'tp_btf',
          'sk_arg0_skb_arg1',
          'Passive, but of TCP alone, and there only segments of connections that are established.',
        ),
        skbArgument: 1,
      },
    ],
    ...surroundings('l4-rcv'),
    sees:
      'Every packet for this host that the firewall let pass, at the entry of its transport protocol: ' +
      'also what has a bad checksum, no listener, or will be refused.',
    misses:
      'What netfilter dropped, fragments that never became whole, and the copies that raw sockets have already got.',
    source: 'net/ipv4/tcp_ipv4.c',
  },
  {
    number: 13,
    id: 'sock-queue',
    title: 'Queued to the socket of a program',
    layer: 'socket',
    direction: 'rx',
    inPath: true,
    functions: ['tcp_queue_rcv', '__udp_enqueue_schedule_skb', '__sock_queue_rcv_skb'],
    frameStart: 'detect',
    ladder: [
      ...functionRungs(
        ['__udp_enqueue_schedule_skb', 'tcp_queue_rcv', '__sock_queue_rcv_skb'],
        { name: 'sk_arg0_skb_arg1', skbArgument: 1 },
        'A program for each of UDP, TCP and the other sockets.',
      ),
    ],
    ...surroundings('sock-queue'),
    sees:
      'Packets that found their socket and passed its filter, where they are put on its receive queue: the last stage before the ' +
      'program that reads.',
    misses:
      'What found no socket, what the filter or a cgroup program refused, TCP segments without data, and TCP data out of order, which ' +
      'waits elsewhere. A queue that is full drops the packet instead.',
    source: 'net/ipv4/tcp_input.c',
  },
  {
    number: 14,
    id: 'delivery',
    title: 'Which packet socket was handed the packet',
    layer: 'socket',
    direction: 'unknown',
    inPath: false,
    functions: ['packet_rcv', 'tpacket_rcv', 'packet_rcv_fanout', 'packet_rcv_spkt'],
    frameStart: 'mac-header',
    ladder: functionRungs(
      ['tpacket_rcv', 'packet_rcv'],
      { name: 'delivery_entry', onReturn: 'delivery_return', byProbeOnly: true },
      'Passive, with the socket in the packet_type argument; packet_rcv_fanout hands on to one of these two.',
    ),
    before: ['a tap: rx-tap hands over the packet itself, tx-tap one clone for all its taps'],
    after: [
      "the socket's filter (for tcpdump, the expression it was given)",
      'room in its ring or receive buffer',
      'the program that reads',
    ],
    sees:
      'One call for each packet socket that is handed a packet, on the way in and on the way out: who is tapping, and what each of them ' +
      'was given before its own filter ran.',
    misses:
      'What no tap saw. A socket whose filter refuses the packet, or whose buffer is full, was handed it all the same; a socket of another ' +
      'network namespace is called up to kernel 6.12 and refuses by itself.',
    source: 'net/packet/af_packet.c',
  },
];
