/** Rows of the two ends: the moment the last reference to a packet is released. */
import { built } from './rungs.js';
import type { Stage } from './types.js';

const before = ['any part of the path: a packet can end at every stage'];
const after = ['nothing: the memory is free, and its address is used again within microseconds'];

export const endRows: readonly Stage[] = [
  {
    number: 26,
    id: 'drop',
    title: 'Dropped, with place and reason',
    layer: 'end',
    direction: 'unknown',
    inPath: true,
    functions: ['kfree_skb', 'kfree_skb_reason', 'sk_skb_reason_drop'],
    frameStart: 'detect',
    ladder: [built('tp_btf', 'kfree_skb', 'tp_btf', 'kfree_skb')],
    before,
    after,
    sees:
      'Every packet that the kernel frees as a drop, with the function that did it, and from kernel 5.17 on with the reason: ' +
      'the firewall, a full queue, no socket, a bad checksum.',
    misses:
      'Frames that XDP or the device dropped before they were packets, and the verdict of one holder while another still holds the ' +
      'packet, such as a tap: only the last release counts, and may then read as consumed.',
    source: 'net/core/skbuff.c',
  },
  {
    number: 27,
    id: 'consume',
    title: 'Consumed: the normal end of a packet',
    layer: 'end',
    direction: 'unknown',
    inPath: true,
    functions: ['consume_skb'],
    frameStart: 'detect',
    ladder: [built('tp_btf', 'consume_skb', 'tp_btf', 'consume_skb')],
    before,
    after,
    sees:
      'Packets that ended well: sent by the driver, read by a program or handled by the kernel. The clones that taps are given on the ' +
      'way out end here too, each as a packet of its own.',
    misses:
      'Packets that are freed without a tracepoint: frames that GRO merged, and data that a program has read from a TCP socket.',
    source: 'net/core/skbuff.c',
  },
];
