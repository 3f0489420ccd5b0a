/**
 * The path of a packet as ordered steps: the stages of the table and what lies between them. The rows take
 * `before` and `after` from here and the map is drawn from here, so order is written down once.
 * Order from the kernel sources: __netif_receive_skb_core, ip_rcv, ip_forward, ip_output, __dev_queue_xmit.
 */
import type { StageId } from './types.js';

/** One thing that happens to a packet; `stage` where it is a stage of the table. */
export interface PathStep {
  readonly text: string;
  readonly stage?: StageId;
  /** Happens inside the function at whose entry this stage's programs hang; drawn within its band. */
  readonly inside?: StageId;
  /** What a reader of that stage's own row has to know of this step. */
  readonly note?: string;
  /** Drawn in the map only: where packets leave for, or come from, another part of the path. */
  readonly junction?: 'branch' | 'join';
}

const beforeTapLists = "after the function's entry, before its tap lists";

/** From the wire to the routing decision. */
export const received: readonly PathStep[] = [
  { text: 'the device and its driver' },
  { text: 'native XDP, in the driver', stage: 'xdp' },
  { text: 'GRO, which may merge several wire frames into one packet', stage: 'gro' },
  { text: 'the hand-over to the stack (netif_receive_skb, netif_rx)', stage: 'netif-rx' },
  { text: 'RPS, which may move the packet to another CPU' },
  { text: 'the entry of __netif_receive_skb_core', stage: 'rx-tap' },
  { text: 'generic XDP', inside: 'rx-tap', note: beforeTapLists },
  { text: 'the move of a VLAN tag from the bytes to metadata', inside: 'rx-tap', note: beforeTapLists },
  { text: 'the tap lists (AF_PACKET: tcpdump, Wireshark)', inside: 'rx-tap' },
  { text: 'tc ingress (tcx, clsact)', stage: 'tc-ingress' },
  { text: 'netfilter ingress', stage: 'nf-ingress' },
  { text: 'a VLAN device, if the tag has one (back to the taps, as that device)' },
  { text: 'the rx handler of a bridge, macvlan, bond or Open vSwitch port', stage: 'rx-handler' },
  { text: 'bridged frames leave here for netfilter egress on the way out', junction: 'branch' },
  { text: 'the protocol handler (ip_rcv, ipv6_rcv, arp_rcv)', stage: 'ip-rcv' },
  { text: 'IP header checks, where frames for other hosts are dropped' },
  { text: 'netfilter PRE_ROUTING (conntrack, DNAT)', stage: 'nf-prerouting' },
  { text: 'the early socket lookup and the routing decision' },
  { text: 'packets for another host leave here for FORWARD; those for this host go on', junction: 'branch' },
];

/** On from the routing decision, for packets to this host. */
export const local: readonly PathStep[] = [
  { text: 'the reassembly of IPv4 fragments' },
  { text: 'netfilter LOCAL_IN (the INPUT chains)', stage: 'nf-input' },
  { text: 'raw sockets, which get copies, and the IPsec policy' },
  { text: 'the transport protocol (TCP, UDP, ICMP)', stage: 'l4-rcv' },
  { text: "the socket lookup, cgroup ingress programs and the socket's filter" },
  { text: 'the queue of the socket', stage: 'sock-queue' },
  { text: 'the program that reads' },
];

/** On from the routing decision, for packets to another host. */
export const forwarded: readonly PathStep[] = [
  { text: 'IPsec policy, TTL check and decrement' },
  { text: 'netfilter FORWARD', stage: 'nf-forward' },
];

/** From a socket of this host to the point where forwarded packets join. */
export const sent: readonly PathStep[] = [
  { text: 'the socket and its transport protocol' },
  { text: 'the choice of the route' },
  { text: 'netfilter LOCAL_OUT (the OUTPUT chains)', stage: 'nf-output' },
];

/** From IP output to the wire. */
export const leaving: readonly PathStep[] = [
  { text: 'forwarded packets join here', junction: 'join' },
  { text: 'IP output', stage: 'ip-output' },
  { text: 'netfilter POST_ROUTING (SNAT, masquerade)', stage: 'nf-postrouting' },
  { text: 'cgroup egress programs' },
  { text: 'IP fragmentation' },
  { text: 'the neighbour layer, which writes the MAC header (may wait for ARP or NDP)' },
  { text: 'bridged frames, ARP and what packet sockets send join here', junction: 'join' },
  { text: 'netfilter egress', stage: 'nf-egress' },
  { text: 'tc egress (tcx, clsact)', stage: 'tc-egress' },
  { text: 'the choice of the transmit queue' },
  { text: 'the hand-over to the device queue', stage: 'dev-queue' },
  { text: 'the way into the qdisc (none on lo, veth, bridge)', stage: 'qdisc-enqueue' },
  { text: 'the wait in the qdisc: shaping, priorities' },
  { text: 'the way out of the qdisc', stage: 'qdisc-dequeue' },
  { text: 'VLAN tag, GSO segmentation and checksum in software, where the device cannot' },
  { text: 'the tap lists (AF_PACKET: tcpdump, Wireshark)', stage: 'tx-tap' },
  { text: 'the driver (ndo_start_xmit)', stage: 'start-xmit' },
  { text: "the driver's answer", stage: 'xmit-done' },
  { text: 'the device, which may still segment, checksum and tag' },
];

const branches = [
  'for this host: netfilter LOCAL_IN, the transport protocol, the socket',
  'for another host: netfilter FORWARD, then the way out from IP output on',
];

const origins = [
  'an own packet: the socket, its route and netfilter LOCAL_OUT',
  'a forwarded packet: the way in, past its tap, then netfilter FORWARD',
];

/** A part of the path with what a packet went through to get there and where it goes on from there. */
interface Course {
  readonly steps: readonly PathStep[];
  readonly head: readonly string[];
  readonly tail: readonly string[];
}

const courses: readonly Course[] = [
  { steps: received, head: [], tail: branches },
  { steps: local, head: texts(received), tail: [] },
  { steps: forwarded, head: texts(received), tail: texts(leaving) },
  { steps: sent, head: [], tail: texts(leaving) },
  { steps: leaving, head: origins, tail: [] },
];

function texts(steps: readonly PathStep[]): string[] {
  return steps.filter((step) => step.junction === undefined).map((step) => step.text);
}

/** `before` and `after` of a row on the path: what the kernel has done by then, and what still lies ahead. */
export function surroundings(stage: StageId): { before: readonly string[]; after: readonly string[] } {
  const course = courses.find((candidate) => candidate.steps.some((step) => step.stage === stage));
  if (course === undefined) throw new Error(`stage ${stage} is not on the path`);
  const at = course.steps.findIndex((step) => step.stage === stage);
  const noted = course.steps.slice(at + 1).map((step) => {
    return step.inside === stage && step.note !== undefined ? { text: `${step.text} (${step.note})` } : step;
  });
  return {
    before: [...course.head, ...texts(course.steps.slice(0, at))],
    after: [...texts(noted), ...course.tail],
  };
}
