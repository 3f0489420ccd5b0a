/** Rows of the way out on the link layer: from the egress hooks to the driver's answer. */
import { surroundings } from './path.js';
import { built, hookRungs, kprobeRemark, provedBy, tcLadder } from './rungs.js';
import type { Stage } from './types.js';

const bypasses = 'XDP_TX and XDP_REDIRECT, AF_XDP, PACKET_QDISC_BYPASS, pktgen, netpoll and hardware offload';

export const linkOutRows: readonly Stage[] = [
  {
    number: 18,
    id: 'nf-egress',
    title: 'netfilter egress of the device',
    layer: 'link',
    direction: 'tx',
    group: 'netfilter',
    inPath: true,
    functions: ['nf_hook_egress', 'nf_hook_slow'],
    frameStart: 'data',
    ladder: [
      ...hookRungs('family netdev, hook 1'),
      provedBy(
        ['tc-egress', 'dev-queue'],
        'A packet that comes as far has passed; one dropped here is seen only at its drop.',
      ),
    ],
    ...surroundings('nf-egress'),
    sees:
      'Every packet that is about to leave by the device, of any protocol and with its MAC header: own, forwarded and bridged ones, ' +
      'after SNAT. These are the netdev egress chains of nftables.',
    misses:
      'What was dropped on the way here, and packets that tc redirects, which skip this hook. Kernels before 5.16 do not have it. ' +
      'Where no chain is attached, nothing runs at all.',
    source: 'include/linux/netfilter_netdev.h',
  },
  {
    number: 19,
    id: 'tc-egress',
    title: 'tc egress: tcx programs, then clsact filters',
    layer: 'link',
    direction: 'tx',
    inPath: true,
    functions: ['sch_handle_egress', 'tcx_run', 'tc_run', 'tcf_classify'],
    frameStart: 'data',
    ladder: [
      ...tcLadder('BPF_TCX_EGRESS', 'tc_egress'),
      provedBy(
        ['dev-queue'],
        'A packet that comes as far has passed; one dropped here is seen only at its drop.',
      ),
    ],
    ...surroundings('tc-egress'),
    sees:
      'Every packet that is about to leave by the device, before it is queued. A program here may drop, rewrite or redirect it, ' +
      'and the taps will see the result.',
    misses:
      'What the firewall dropped before. The packet is not queued yet and not segmented yet, so neither the delay of the qdisc nor ' +
      'the frames on the wire can be told from here.',
    source: 'net/core/dev.c',
  },
  {
    number: 20,
    id: 'dev-queue',
    title: 'Handed to the queue of the device',
    layer: 'link',
    direction: 'tx',
    inPath: true,
    functions: ['__dev_queue_xmit'],
    tracepointInside: '__dev_queue_xmit',
    frameStart: 'data',
    ladder: [built('tp_btf', 'net_dev_queue', 'tp_btf', 'skb_arg0')],
    ...surroundings('dev-queue'),
    sees:
      'Every packet that passed the egress hooks of the device, still in the task that sends it where there is one, with its socket ' +
      'known: the best place to ask who sent a packet.',
    misses:
      'What netfilter egress or tc egress dropped or redirected. A packet seen here can still be dropped by the qdisc, and a large one ' +
      'may still be segmented.',
    source: 'net/core/dev.c',
  },
  {
    number: 21,
    id: 'qdisc-enqueue',
    title: 'Put into the qdisc',
    layer: 'link',
    direction: 'tx',
    inPath: true,
    functions: ['__dev_xmit_skb', 'dev_qdisc_enqueue'],
    tracepointInside: '__dev_queue_xmit',
    frameStart: 'data',
    ladder: [
      {
        ...built(
          'tp_btf',
          'qdisc_enqueue',
          'tp_btf',
          'skb_arg2',
          'Not in kernel 5.10; fires after the packet was queued, when another CPU may already be sending it.',
        ),
        skbArgument: 2,
      },
      provedBy(['qdisc-dequeue'], 'A packet that is taken out of the qdisc was put in, at a time unknown.'),
    ],
    ...surroundings('qdisc-enqueue'),
    sees: 'Packets that the qdisc accepted and that wait in it: what it refuses is freed as a drop instead.',
    misses:
      'Devices without a queue (lo, veth, bridges, tunnels), and packets that find an empty queue which lets them pass at once, ' +
      'as pfifo_fast and fq_codel do.',
    source: 'net/core/dev.c',
  },
  {
    number: 22,
    id: 'qdisc-dequeue',
    title: 'Taken out of the qdisc',
    layer: 'link',
    direction: 'tx',
    inPath: true,
    functions: ['dequeue_skb'],
    tracepointInside: '__qdisc_run',
    frameStart: 'data',
    ladder: [
      {
        ...built(
          'tp_btf',
          'qdisc_dequeue',
          'qdisc',
          'qdisc_dequeue',
          'Fires once for several packets that are taken out together, chained by skb->next, and also for none.',
        ),
        skbArgument: 3,
      },
    ],
    ...surroundings('qdisc-dequeue'),
    sees: 'Packets when their wait is over: the time since qdisc-enqueue is what shaping and queueing cost.',
    misses:
      'Devices without a queue, packets that passed an empty queue at once, and what the qdisc dropped while they waited. ' +
      'It often runs on another CPU and in another task than the sender.',
    source: 'net/sched/sch_generic.c',
  },
  {
    number: 23,
    id: 'tx-tap',
    title: 'TAP on the way out: tcpdump sees it here',
    layer: 'link',
    direction: 'tx',
    group: 'taps',
    inPath: true,
    functions: ['dev_queue_xmit_nit'],
    tracepointInside: 'dev_hard_start_xmit',
    frameStart: 'data',
    ladder: [
      built(
        'fentry',
        'dev_queue_xmit_nit',
        'fentry',
        'skb_arg0_dev_arg1',
        'Runs only while somebody taps: with no packet socket open for the device the kernel does not call the function.',
      ),
      built('kprobe', 'dev_queue_xmit_nit', 'kprobe', 'skb_arg0_dev_arg1', kprobeRemark),
      built(
        'packet_socket',
        'packet_rcv',
        'packet_socket',
        'tap',
        'A probe of ours: the socket is itself the tap that makes the kernel clone and hand over each packet.',
      ),
      built(
        'inferred',
        'net_dev_start_xmit',
        'tp_btf',
        'skb_arg0_dev_arg1',
        'The next step of the same function: proves that the packet was at the tap point, not that anybody tapped.',
      ),
    ],
    backstop: 'inferred',
    ...surroundings('tx-tap'),
    sees:
      'Every packet just before the driver gets it, own, forwarded or bridged: after the firewall, SNAT, tc egress and the wait in the ' +
      'qdisc. Where the device segments or checksums by itself, packets are still large and checksums not yet filled in.',
    misses:
      `What netfilter, tc egress or the qdisc dropped, and what reaches the device by another way: ${bypasses}. ` +
      'A packet socket does not see what it sends itself. That a packet is seen here does not mean that the device sent it.',
    source: 'net/core/dev.c',
  },
  {
    number: 24,
    id: 'start-xmit',
    title: 'Handed to the driver (ndo_start_xmit)',
    layer: 'driver',
    direction: 'tx',
    inPath: true,
    functions: ['netdev_start_xmit', 'ndo_start_xmit'],
    tracepointInside: 'dev_hard_start_xmit',
    frameStart: 'data',
    ladder: [built('tp_btf', 'net_dev_start_xmit', 'tp_btf', 'skb_arg0_dev_arg1')],
    ...surroundings('start-xmit'),
    sees:
      'Every packet the kernel hands to a driver, whether or not anybody taps: the packet itself, with its socket where it has one, while the taps get ' +
      'a clone. A virtual device may then send it into another device, where it starts anew.',
    misses:
      `What was dropped before, and what reaches the driver by another way: ${bypasses}. ` +
      'When the driver is busy the same packet comes here a second time.',
    source: 'include/linux/netdevice.h',
  },
  {
    number: 25,
    id: 'xmit-done',
    title: "The driver's answer: taken, or busy",
    layer: 'driver',
    direction: 'tx',
    inPath: true,
    functions: ['xmit_one', 'dev_hard_start_xmit'],
    tracepointInside: 'dev_hard_start_xmit',
    frameStart: 'data',
    ladder: [
      built(
        'tp_btf',
        'net_dev_xmit',
        'tp_btf',
        'net_dev_xmit',
        'The packet may be freed by now: its address is a key to the event before, and is never followed.',
      ),
    ],
    ...surroundings('xmit-done'),
    sees: 'The return code of the driver, the device and the length, once for each hand-over: taken, or busy and to be tried again.',
    misses:
      'The bytes of the packet, which may be gone already, and the wire: a packet that the driver took can still be lost in the device.',
    source: 'net/core/dev.c',
  },
];
