/** Rows of the way in, on the link layer: from the driver to the devices stacked upon it. */
import { surroundings } from './path.js';
import { built, byProbe, functionRungs, hookRungs, kprobeRemark, provedBy, tcLadder } from './rungs.js';
import type { Stage } from './types.js';

export const linkInRows: readonly Stage[] = [
  {
    number: 1,
    id: 'xdp',
    title: 'Native XDP, before the packet has an skb',
    layer: 'driver',
    direction: 'rx',
    inPath: true,
    functions: ['bpf_prog_run_xdp'],
    frameStart: 'data',
    ladder: [
      {
        mechanism: 'fexit',
        target: 'the XDP program of the device',
        program: { object: 'xdp', name: 'verdict', ofDevices: true },
        remark: 'Passive, with the verdict; only on devices that have such a program.',
      },
      {
        mechanism: 'counted',
        target: 'the statistics of the driver',
        remark:
          'Totals of what it dropped, sent back or redirected, told at the end; XDP_DROP and XDP_TX fire no tracepoint.',
      },
    ],
    ...surroundings('xdp'),
    sees:
      'Every frame that the driver takes from the device, with its bytes as they came, before the kernel allocates a packet for it. ' +
      'A program here may drop a frame, send it back, redirect it or change it.',
    misses:
      'Devices whose driver has no native XDP, and everything the kernel adds later: no socket, no mark, no connection tracking. ' +
      'What is dropped or redirected here is invisible to tcpdump.',
    source: 'include/net/xdp.h',
  },
  {
    number: 2,
    id: 'gro',
    title: 'GRO: wire frames merge into larger packets',
    layer: 'link',
    direction: 'rx',
    inPath: false,
    functions: ['napi_gro_receive', 'gro_receive_skb', 'dev_gro_receive'],
    frameStart: 'mac-header',
    ladder: [
      {
        ...built(
          'tp_btf',
          'napi_gro_receive_entry',
          'tp_btf',
          'skb_arg0',
          'Tracepoints at both ways into GRO: napi_gro_receive, and napi_gro_frags of a few drivers.',
        ),
        targets: ['napi_gro_receive_entry', 'napi_gro_frags_entry'],
      },
      ...functionRungs(
        'gro_receive_skb',
        { name: 'skb_arg1', skbArgument: 1 },
        'From kernel 6.18 on, where napi_gro_receive is inlined into its callers.',
      ),
      ...functionRungs('napi_gro_receive', { name: 'skb_arg1', skbArgument: 1 }, 'Up to kernel 6.12.'),
    ],
    ...surroundings('gro'),
    sees: 'Every frame that a driver hands to GRO, one by one, as the device delivered it: the place to count wire frames before they merge.',
    misses:
      'Frames of drivers that do without GRO, loopback among them, and what native XDP took before. ' +
      'A frame merged here ends without any drop or consume event.',
    source: 'net/core/gro.c',
  },
  {
    number: 3,
    id: 'netif-rx',
    title: 'Hand-over to the stack, before RPS',
    layer: 'link',
    direction: 'rx',
    inPath: true,
    functions: ['netif_rx', '__netif_rx', 'netif_receive_skb', 'netif_receive_skb_list_internal'],
    tracepointInside: 'netif_rx_internal',
    frameStart: 'mac-header',
    ladder: [
      {
        ...built('tp_btf', 'netif_rx', 'tp_btf', 'skb_arg0'),
        targets: ['netif_rx', 'netif_receive_skb_entry', 'netif_receive_skb_list_entry'],
      },
    ],
    ...surroundings('netif-rx'),
    sees:
      'Packets that a device hands over by itself: with netif_rx loopback, veth without NAPI, macvlan broadcasts (this runs where the ' +
      'sender runs, and the rest of the way in follows in softirq context, perhaps on another CPU); with netif_receive_skb bridges, ' +
      'tun and drivers without GRO.',
    misses:
      'Packets that come out of GRO, as those of most hardware do: GRO hands them on by an inner function without a tracepoint. ' +
      'They are seen at gro.',
    source: 'net/core/dev.c',
  },
  {
    number: 4,
    id: 'rx-tap',
    title: 'TAP on the way in: tcpdump sees it here',
    layer: 'link',
    direction: 'rx',
    group: 'taps',
    inPath: true,
    functions: ['__netif_receive_skb_core'],
    tracepointInside: '__netif_receive_skb_core',
    frameStart: 'mac-header',
    ladder: [
      byProbe(
        'fentry',
        '__netif_receive_skb_core',
        'skbpp_arg0',
        'Runs at the entry of the function: before generic XDP and the VLAN tag, and once, while VLAN devices, macvlan, bond and team ' +
          'walk the tap lists again; impossible where the symbol carries a suffix such as .constprop.0.',
      ),
      byProbe(
        'kprobe',
        '__netif_receive_skb_core',
        'skbpp_arg0',
        `The same position, and works on a suffixed symbol too. ${kprobeRemark} What the kernel skips it for, the tracepoint shows.`,
      ),
      built(
        'tp_btf',
        'netif_receive_skb',
        'tp_btf',
        'skb_arg0',
        'The tracepoint at the entry of the same function: the same packets, and it needs nothing but BTF.',
      ),
      built(
        'packet_socket',
        'packet_rcv',
        'packet_socket',
        'tap',
        'A probe of ours: a packet socket that keeps nothing, and so sees what every tap of its device sees, later rounds included.',
      ),
    ],
    backstop: 'tp_btf',
    ...surroundings('rx-tap'),
    sees:
      'Every packet that a device hands to the stack, before tc, the firewall, NAT, routing and bridges: also what they drop, rewrite ' +
      'or redirect afterwards, and in promiscuous mode frames for other hosts. Length and bytes are those after GRO.',
    misses:
      'What native or generic XDP dropped or redirected, what AF_XDP or hardware offload took past the stack, the single wire frames ' +
      'that GRO merged, and packets that tc has already classified and puts back (ifb, mirred). ' +
      'A VLAN tag is not in the bytes any more: it is metadata.',
    source: 'net/core/dev.c',
  },
  {
    number: 5,
    id: 'tc-ingress',
    title: 'tc ingress: tcx programs, then clsact filters',
    layer: 'link',
    direction: 'rx',
    inPath: true,
    functions: ['sch_handle_ingress', 'tcx_run', 'tc_run', 'tcf_classify'],
    frameStart: 'mac-header',
    ladder: [
      ...tcLadder('BPF_TCX_INGRESS', 'tc_ingress'),
      provedBy(
        ['nf-ingress', 'rx-handler', 'ip-rcv', 'nf-prerouting'],
        'A packet that comes as far has passed; one dropped here is seen only at its drop.',
      ),
    ],
    ...surroundings('tc-ingress'),
    sees:
      'Every packet that the taps of the device have just seen. tcx programs run first, then the filters of a clsact or ingress qdisc, ' +
      'and each may drop, rewrite, redirect or copy the packet.',
    misses:
      'What XDP took before the stack. A filter sees nothing of a packet that a program before it has already dropped, redirected ' +
      'or accepted for good.',
    source: 'net/core/dev.c',
  },
  {
    number: 6,
    id: 'nf-ingress',
    title: 'netfilter ingress of the device',
    layer: 'link',
    direction: 'rx',
    group: 'netfilter',
    inPath: true,
    functions: ['nf_ingress', 'nf_hook_slow'],
    frameStart: 'mac-header',
    ladder: [
      ...hookRungs('family netdev, hook 0'),
      provedBy(
        ['rx-handler', 'ip-rcv', 'nf-prerouting'],
        'A packet that comes as far has passed; one dropped here is seen only at its drop.',
      ),
    ],
    ...surroundings('nf-ingress'),
    sees:
      'Every packet of the device that tc ingress let pass, of any protocol, before IP looks at it: the netdev and inet ingress chains ' +
      'of nftables and its flow tables.',
    misses:
      'What XDP or tc ingress dropped or redirected. Connection tracking has not run yet, so there is no connection state here. ' +
      'Where no chain is attached, nothing runs at all.',
    source: 'net/core/dev.c',
  },
  {
    number: 7,
    id: 'rx-handler',
    title: 'Bridge, macvlan, bond or OVS take the packet',
    layer: 'link',
    direction: 'rx',
    inPath: true,
    functions: [
      'br_handle_frame',
      'macvlan_handle_frame',
      'ipvlan_handle_frame',
      'bond_handle_frame',
      'team_handle_frame',
      'netdev_frame_hook',
    ],
    frameStart: 'mac-header',
    ladder: functionRungs(
      [
        'br_handle_frame',
        'macvlan_handle_frame',
        'ipvlan_handle_frame',
        'bond_handle_frame',
        'team_handle_frame',
        'netdev_frame_hook',
      ],
      { name: 'skbpp_arg0', byProbeOnly: true },
      'A program for each kind of upper device whose module is loaded at the start.',
    ),
    ...surroundings('rx-handler'),
    sees:
      'Packets on a port of a bridge, bond, team or Open vSwitch, or under a macvlan or ipvlan, when that upper device decides: ' +
      'forward them, take them over (they come through the taps again, as the upper device) or let them go on here.',
    misses:
      'Packets of devices that are no port of anything, which is most of them, and what was dropped or redirected by XDP, tc or ' +
      'netfilter ingress.',
    source: 'net/bridge/br_input.c',
  },
];
