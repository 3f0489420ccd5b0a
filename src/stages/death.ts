/**
 * Where on the path a packet died, read from the kernel stack of its drop: the function that gave it up is rarely the
 * one that freed it, and who called it tells which hook, which way and which family it was.
 *
 * Function names are those of kernels 5.10 to 7.3, with and without what compilers inline.
 */
import type { StageId } from './types.js';

/** Family of a netfilter hook; `inet` chains hang in the hooks of ip and ip6. */
export type HookFamily = 'ip' | 'ip6' | 'arp' | 'bridge' | 'netdev';

export interface Death {
  /** The innermost function that did not only free it, without compiler suffix and offset. */
  readonly function: string;
  /** Absent where the stack does not tell. */
  readonly stage?: StageId;
  /** `after`: the stage was passed, and no other one comes before the place. */
  readonly position?: 'in' | 'after';
  /** Of a netfilter hook, where the stack tells. */
  readonly family?: HookFamily;
  /** Continues the sentence "dropped …". */
  readonly text: string;
}

type Place = Omit<Death, 'function'>;

/** Functions that end packets for others. */
const freeing =
  /^(__?)?(dev_)?(kfree_skb|consume_skb)|^(sk_skb_reason_drop|__?skb_release|skb_release_|kfree_skbmem|napi_consume_skb|skb_attempt_defer_free|skb_queue_purge|__skb_queue_purge|skb_rbtree_purge|tcp_drop|rtnl_kfree_skbs|nf_hook_slow_free|dev_kfree_skb|kfree_rcu)/;

/** Netfilter's own: what they drop dies in the hook that called them. */
const inNetfilter = /^(nf_|nft_|ipt_|ip6t_|arpt_|ebt_|xt_|iptable_|ip6table_|ipv[46]_conntrack|br_nf_)/;

const hookNames: Readonly<Partial<Record<StageId, string>>> = {
  'nf-prerouting': 'PRE_ROUTING',
  'nf-input': 'LOCAL_IN',
  'nf-forward': 'FORWARD',
  'nf-output': 'LOCAL_OUT',
  'nf-postrouting': 'POST_ROUTING',
  'nf-ingress': 'ingress',
  'nf-egress': 'egress',
};

/** Who calls the hooks of a stage: the places of NF_HOOK and nf_hook() in the kernel. */
const hookCallers: readonly (readonly [RegExp, StageId, HookFamily | undefined])[] = [
  [/^br_nf_pre_routing/, 'nf-prerouting', undefined],
  [/^br_nf_forward/, 'nf-forward', undefined],
  [/^br_nf_(post_routing|dev_queue_xmit)/, 'nf-postrouting', undefined],
  [/^(ip_rcv|ip_sublist_rcv|ip_list_rcv|xfrm4_transport_finish)$/, 'nf-prerouting', 'ip'],
  [/^ip_local_deliver$/, 'nf-input', 'ip'],
  [/^(ip_forward|ip_mr_forward|ipmr_queue_xmit|ipmr_queue_fwd_xmit)$/, 'nf-forward', 'ip'],
  [/^(__ip_local_out|ip_local_out|raw_sendmsg|raw_send_hdrinc|ip_build_and_send_pkt)$/, 'nf-output', 'ip'],
  [/^(ip_output|ip_mc_output|xfrm4_output)$/, 'nf-postrouting', 'ip'],
  [/^(ipv6_rcv|ip6_sublist_rcv|ipv6_list_rcv|xfrm6_transport_finish)$/, 'nf-prerouting', 'ip6'],
  [/^ip6_input$/, 'nf-input', 'ip6'],
  [/^(ip6_forward|ip6_mr_forward|ip6mr_forward2)$/, 'nf-forward', 'ip6'],
  [
    /^(__ip6_local_out|ip6_local_out|ip6_xmit|ndisc_send_skb|mld_sendpack|igmp6_send|rawv6_send_hdrinc|rawv6_sendmsg)$/,
    'nf-output',
    'ip6',
  ],
  [/^(ip6_output|xfrm6_output)$/, 'nf-postrouting', 'ip6'],
  [/^arp_rcv$/, 'nf-input', 'arp'],
  [/^(arp_xmit|arp_send|arp_send_dst)$/, 'nf-output', 'arp'],
  [/^(br_handle_frame|nf_hook_bridge_pre)$/, 'nf-prerouting', 'bridge'],
  [/^(br_pass_frame_up|br_handle_local_finish)$/, 'nf-input', 'bridge'],
  [/^(__br_forward|br_forward|maybe_deliver|deliver_clone)$/, 'nf-forward', 'bridge'],
  [/^br_forward_finish$/, 'nf-postrouting', 'bridge'],
  [/^(__netif_receive_skb_core|nf_ingress|nf_hook_ingress)$/, 'nf-ingress', 'netdev'],
  [
    /^(__dev_queue_xmit|dev_queue_xmit|nf_hook_egress|packet_direct_xmit|packet_xmit)$/,
    'nf-egress',
    'netdev',
  ],
];

/** A hook that runs IP chains for bridged packets is of the family its chains are of. */
function familyOfChains(frames: readonly string[]): HookFamily | undefined {
  if (frames.some((frame) => /^(nft_do_chain_ipv6|ip6t_|ip6table_|br_nf_\w+_ipv6)/.test(frame))) return 'ip6';
  if (frames.some((frame) => /^(nft_do_chain_ipv4|ipt_|iptable_)/.test(frame))) return 'ip';
  return undefined;
}

/** The bridge sends its own packets by the function that forwards (net/bridge/br_forward.c, __br_forward). */
function isFromBridgeItself(frames: readonly string[]): boolean {
  const sent = frames.indexOf('br_dev_xmit');
  const received = frames.indexOf('br_handle_frame');
  return sent >= 0 && (received < 0 || sent < received);
}

function hookPlace(frames: readonly string[]): Place | undefined {
  for (const [index, frame] of frames.entries()) {
    const caller = hookCallers.find(([pattern]) => pattern.test(frame));
    if (!caller) continue;
    const family = caller[2] ?? familyOfChains(frames.slice(0, index + 1));
    const isOwn =
      family === 'bridge' && caller[1] === 'nf-forward' && isFromBridgeItself(frames.slice(index));
    const stage = isOwn ? 'nf-output' : caller[1];
    const text = `in netfilter ${hookNames[stage]}${family ? ` (${family})` : ''}`;
    return { stage, position: 'in', ...(family && { family }), text };
  }
  return undefined;
}

const at = (stage: StageId, text: string): Place => ({ stage, position: 'in', text });
const behind = (stage: StageId, text: string): Place => ({ stage, position: 'after', text });

/** Reasons that tell the place by themselves, since the compiler may have inlined the function. */
const byReason: Readonly<Record<string, Place>> = {
  TC_INGRESS: at('tc-ingress', 'by tc ingress'),
  TC_EGRESS: at('tc-egress', 'by tc egress'),
  XDP: at('rx-tap', 'by a generic XDP program, before the tap lists'),
  CPU_BACKLOG: at('netif-rx', 'since the backlog of the CPU was full'),
  UNHANDLED_PROTO: behind('rx-handler', 'since no protocol handler takes it'),
  QDISC_DROP: at('qdisc-enqueue', 'by the qdisc'),
  QDISC_OVERLIMIT: at('qdisc-enqueue', 'by the qdisc, which was full'),
  QDISC_CONGESTED: at('qdisc-dequeue', 'by the qdisc, to signal congestion'),
  QDISC_BURST_DROP: at('qdisc-enqueue', 'since too many packets came for the qdisc at once'),
  CAKE_FLOOD: at('qdisc-enqueue', 'by the qdisc cake'),
  FQ_BAND_LIMIT: at('qdisc-enqueue', 'by the qdisc fq'),
  FQ_FLOW_LIMIT: at('qdisc-enqueue', 'by the qdisc fq'),
  FQ_HORIZON_LIMIT: at('qdisc-enqueue', 'by the qdisc fq'),
  PACKET_SOCK_ERROR: at('delivery', 'by the packet socket, which had no room'),
  SOCKET_RCVBUFF: at('sock-queue', 'since the receive buffer of the socket was full'),
  SOCKET_FILTER: at('l4-rcv', "by the socket's filter"),
  BPF_CGROUP_EGRESS: behind('nf-postrouting', 'by a cgroup egress program'),
};

/** Functions of the path, each with its place. */
const byFunction: readonly (readonly [RegExp, Place])[] = [
  [/^(do_xdp_generic|netif_receive_generic_xdp|bpf_prog_run_generic_xdp)/, byReason.XDP!],
  [/^(enqueue_to_backlog|netif_rx)/, byReason.CPU_BACKLOG!],
  [/^(packet_rcv|tpacket_rcv|packet_rcv_fanout|packet_rcv_spkt)/, byReason.PACKET_SOCK_ERROR!],
  [
    /^(packet_release|udp_destruct|udpv6_destruct|inet_sock_destruct|sk_stream_kill_queues|tcp_v4_destroy_sock|__sk_destruct|sock_close)/,
    behind('sock-queue', 'unread, when its socket was closed'),
  ],
  [
    /^(__udp_enqueue_schedule_skb|udp_queue_rcv|udpv6_queue_rcv|__udp_queue_rcv|__sock_queue_rcv|sock_queue_rcv|tcp_data_queue|tcp_add_backlog|tcp_queue_rcv|tcp_prune)/,
    at('sock-queue', 'on the way into the queue of the socket'),
  ],
  [/^(sk_filter_trim_cap|tcp_filter|__sk_receive_skb)/, byReason.SOCKET_FILTER!],
  [
    /^(tcp_|__udp4_lib_|__udp6_lib_|udp_|udpv6_|icmp_|icmpv6_|ping_|raw_|rawv6_|igmp_|gre_|sctp_)/,
    at('l4-rcv', 'by the transport protocol'),
  ],
  [/^ip6_mc_input/, behind('nf-prerouting', 'since nobody here listens to its multicast group')],
  [
    /^(ip_protocol_deliver_rcu|ip_local_deliver_finish|ip6_protocol_deliver_rcu|ip6_input_finish|xfrm_policy)/,
    behind('nf-input', 'behind LOCAL_IN: no protocol takes it, or IPsec forbids it'),
  ],
  [
    /^(ip_defrag|ip_frag|inet_frag|ip6_frag|ipv6_frag|ip_expire)/,
    behind('nf-prerouting', 'by the reassembly of fragments'),
  ],
  [/^(ip_rcv_core|ip_rcv$|ip6_rcv_core|ipv6_rcv$|ip6_rcv_)/, at('ip-rcv', 'by the checks of the IP header')],
  [
    /^(ip_rcv_finish|ip6_rcv_finish|ip_route_input|ip6_route_input|ip_error|ip6_pkt_discard|ip6_pkt_prohibit|ip6_pkt_drop)/,
    behind('nf-prerouting', 'by the routing decision'),
  ],
  [/^(ip_forward|ip6_forward)/, behind('nf-prerouting', 'by the checks before it is forwarded')],
  [/^arp_(rcv|process)/, at('ip-rcv', 'by ARP')],
  [
    /^(arp_error_report|arp_solicit|neigh_|__neigh_|ndisc_error_report|pneigh_)/,
    behind('nf-postrouting', 'by the neighbour layer, which has no MAC address for it'),
  ],
  [
    /^(ip_finish_output|__ip_finish_output|ip_do_fragment|ip_fragment|ip6_finish_output|__ip6_finish_output|ip6_fragment|ip_output|ip6_output)/,
    behind('nf-postrouting', 'behind POST_ROUTING, before the device'),
  ],
  [
    /^(ip_queue_xmit|__ip_queue_xmit|ip_send_skb|ip6_send_skb|inet6_csk_xmit)/,
    at('nf-output', 'on the way into IP output'),
  ],
  [/^(br_|__br_)/, at('rx-handler', 'by the bridge')],
  [
    /^(macvlan_handle|ipvlan_handle|bond_handle|team_handle|netdev_frame_hook|ovs_|vlan_do_receive)/,
    at('rx-handler', 'by the device on top of this one'),
  ],
  [/^(veth_xdp|bpf_prog_run_xdp|xdp_do_)/, at('xdp', 'by native XDP')],
  [/^(dev_gro_receive|napi_gro|gro_)/, at('gro', 'by GRO')],
  [
    /^(validate_xmit|skb_checksum_help|sch_direct_xmit|__skb_gso_segment)/,
    behind('qdisc-dequeue', 'while it was made ready for the driver'),
  ],
  [
    /^(__dev_xmit_skb|dev_qdisc_enqueue|qdisc_enqueue|pfifo|bfifo|tbf_|htb_|hfsc_|fq_|codel_|cake_|netem_|red_|sfq_|prio_|__qdisc_)/,
    byReason.QDISC_DROP!,
  ],
  [
    /^(qdisc_reset|dev_reset_queue|dev_deactivate|qdisc_put|__qdisc_destroy)/,
    behind('qdisc-enqueue', 'when its qdisc was emptied'),
  ],
  [/^__netif_receive_skb_core$/, behind('rx-tap', 'behind the tap lists, before any protocol')],
  [/^(__dev_queue_xmit|dev_queue_xmit)$/, at('dev-queue', 'on the way to the device')],
  [/^(dev_hard_start_xmit|\w+_start_xmit|\w+_xmit|start_xmit)$/, at('start-xmit', 'by the driver')],
];

/** `ip_rcv_finish_core.isra.0+0x12 [module]` without what comes behind the name. */
const plainName = (frame: string): string => frame.replace(/[.+ ].*$/s, '');

/** Functions whose callers tell nothing of the packet: other packets were on their way when they ran. */
const endOfStory = /^(handle_softirqs|__do_softirq|process_backlog|napi_poll|__napi_poll|do_softirq)$/;

/**
 * `stack`: kernel functions, innermost first, offsets and compiler suffixes allowed; its first frame alone where no
 * stack could be taken. `reason`: the name without SKB_DROP_REASON_, where the kernel gave one.
 */
export function deathOf(stack: readonly string[], reason?: string): Death | undefined {
  const frames = stack.map(plainName);
  const first = frames.findIndex((frame) => !freeing.test(frame));
  const name = frames[first];
  if (name === undefined) return undefined;
  const end = frames.findIndex((frame) => endOfStory.test(frame));
  const story = frames.slice(first, end < 0 ? undefined : Math.max(end, first + 1));
  return { function: name, ...placeOf(story, reason) };
}

function placeOf(story: readonly string[], reason?: string): Place {
  const name = story[0]!;
  if (inNetfilter.test(name) || reason === 'NETFILTER_DROP')
    return hookPlace(story) ?? { text: `in ${name}` };
  const known = reason === undefined ? undefined : byReason[reason];
  if (known) return known;
  for (const frame of story) {
    const place = byFunction.find(([pattern]) => pattern.test(frame));
    if (place) return place[1];
  }
  return { text: `in ${name}` };
}

/**
 * Whether this is what becomes of an ICMP message whose clone a raw or ping socket got: the original is then freed
 * without a socket of its own (net/ipv4/ping.c, ping_rcv).
 */
export function isPingOriginal(reason: string | undefined, death: Death | undefined): boolean {
  return reason === 'NO_SOCKET' && /^(ping_rcv|icmp_rcv|icmpv6_rcv)/.test(death?.function ?? '');
}
