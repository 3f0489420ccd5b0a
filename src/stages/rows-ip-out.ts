/** Rows of the way out on the network layer: from the socket to the last place where addresses are rewritten. */
import { surroundings } from './path.js';
import { functionRungs, ipHookLadder, provedBy } from './rungs.js';
import type { Stage } from './types.js';

export const networkOutRows: readonly Stage[] = [
  {
    number: 15,
    id: 'nf-output',
    title: 'netfilter LOCAL_OUT: packets of this host',
    layer: 'network',
    direction: 'tx',
    group: 'netfilter',
    inPath: true,
    functions: ['nf_hook_slow', '__ip_local_out', '__ip6_local_out', 'ip6_xmit', 'arp_xmit'],
    frameStart: 'detect',
    ladder: ipHookLadder('NF_INET_LOCAL_OUT'),
    ...surroundings('nf-output'),
    sees:
      'Every IP packet that a program or the kernel of this host sends, with its socket: the OUTPUT chains, and DNAT of own traffic. ' +
      'The route is chosen, but there is no MAC header yet. ARP packets pass the output hook of their own family.',
    misses:
      'Forwarded and bridged packets, and what packet sockets send: those go to the device directly. A large TCP packet is still ' +
      'one here and becomes several later. Where no hook is registered the kernel skips this stage.',
    source: 'net/netfilter/core.c',
  },
  {
    number: 16,
    id: 'ip-output',
    title: 'IP output: own and forwarded packets meet',
    layer: 'network',
    direction: 'tx',
    inPath: true,
    functions: ['ip_output', 'ip_mc_output', 'ip6_output'],
    frameStart: 'detect',
    ladder: [
      ...functionRungs(['ip_output', 'ip6_output', 'ip_mc_output'], {
        name: 'skb_arg2_route',
        skbArgument: 2,
        byProbeOnly: true,
      }),
      provedBy(['nf-postrouting'], 'A packet at POST_ROUTING has come through IP output.'),
    ],
    ...surroundings('ip-output'),
    sees: 'Every IP packet on its way to a device, own or forwarded, after the filter and before SNAT.',
    misses: 'What LOCAL_OUT or FORWARD dropped, ARP, bridged frames and what packet sockets send.',
    source: 'net/ipv4/ip_output.c',
  },
  {
    number: 17,
    id: 'nf-postrouting',
    title: 'netfilter POST_ROUTING: SNAT, masquerade',
    layer: 'network',
    direction: 'tx',
    group: 'netfilter',
    inPath: true,
    functions: ['nf_hook_slow', 'ip_output', 'ip_mc_output', 'ip6_output'],
    frameStart: 'detect',
    ladder: ipHookLadder('NF_INET_POST_ROUTING'),
    ...surroundings('nf-postrouting'),
    sees:
      'Every IP packet that leaves, own or forwarded, with its device known: after the filter, and the last place where the sender is ' +
      'rewritten. Before priority 100 the packet still has the address that the firewall rules saw.',
    misses:
      'What LOCAL_OUT or FORWARD dropped, ARP, and what packet sockets send. Fragmentation and segmentation come later. ' +
      'Where no hook is registered the kernel skips this stage.',
    source: 'net/netfilter/core.c',
  },
];
