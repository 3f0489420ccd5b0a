/** Events of every kind for golden files: each differs from the one before in something that is shown. */
import { tapLink } from '../../../src/decode/layout.generated.js';
import type { TapEvent } from '../../../src/trace/event.js';
import { concatBytes, toBytes } from '../../support/bytes.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp, withVlanTag } from '../../support/frames.js';
import { type EventContent, tapEvent } from '../support/events.js';

const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
const flow = { src: '192.0.2.1', dst: '192.0.2.2', sport: 40000, dport: 40001 };
const datagram = ipv4Udp(flow, new TextEncoder().encode('hello'));
const udp = ethernetFrame(pair, ETHERTYPE.ipv4, datagram);
const echo = toBytes('4500001c00010000400166dd0a0000010a0000020800f7fd00010001');
const segment = (sequence: string): Uint8Array =>
  toBytes(`4500002c000100004006a6c4c0000201c00002029c401f90${sequence}000000005018faf00000000061626364`);
const tcp = (sequence: string): Uint8Array => ethernetFrame(pair, ETHERTYPE.ipv4, segment(sequence));
const arp = toBytes('000108000604000102000000000ac0000201000000000000c0000202');

/** A tap event with all that a tracepoint program knows. */
const known: Partial<EventContent> = {
  has: ['skb', 'head', 'netns', 'netnsCookie', 'ifindex', 'armed', 'task', 'context', 'packetType'],
  comm: 'ping',
};

const fields = {
  ...{ skb: 0xffff888101234500n, head: 0xffff888107654000n, netnsInum: 4026531840, netnsCookie: 1n },
  ...{ ifindex: 2, cpu: 1, pid: 812, tid: 812, context: 1, protocol: ETHERTYPE.ipv4 },
};

const rx = '__netif_receive_skb_core.constprop.0';
type Bits = NonNullable<EventContent['has']>;
const has = (...more: Bits): Bits => [...(known.has ?? []), ...more];

const contents: readonly EventContent[] = [
  { stage: 'rx-tap', function: rx, ...known, is: ['armed'], fields, data: udp },
  {
    stage: 'rx-tap',
    function: rx,
    ...known,
    is: ['armed'],
    fields: { ...fields, protocol: ETHERTYPE.arp },
    data: ethernetFrame(pair, ETHERTYPE.arp, arp),
  },
  {
    stage: 'rx-tap',
    function: rx,
    ...known,
    fields: { ...fields, protocol: ETHERTYPE.vlan },
    data: withVlanTag(udp, ETHERTYPE.vlan, 10),
  },
  {
    stage: 'rx-tap',
    mechanism: 'packet_socket',
    function: 'packet_rcv',
    ...known,
    is: ['armed'],
    fields,
    data: udp,
  },
  {
    stage: 'tx-tap',
    mechanism: 'inferred',
    function: 'dev_hard_start_xmit',
    ...known,
    fields: { ...fields, context: 0 },
    data: tcp('000003e8'),
  },
  {
    stage: 'tx-tap',
    mechanism: 'inferred',
    function: 'dev_hard_start_xmit',
    ...known,
    fields: { ...fields, context: 0 },
    data: tcp('000003ec'),
  },
  {
    stage: 'tx-tap',
    function: 'dev_queue_xmit_nit',
    mechanism: 'fentry',
    ...known,
    has: has('checksum', 'gso', 'mark', 'socketCookie', 'socketInode', 'uid'),
    is: ['armed'],
    fields: {
      ...fields,
      ipSummed: 3,
      gsoSize: 1448,
      gsoSegs: 2,
      gsoType: 1,
      mark: 42,
      socketCookie: 2n ** 63n,
      socketInode: 4711n,
      uid: 1000,
    },
    data: tcp('000003f0'),
  },
  {
    stage: 'start-xmit',
    ...known,
    has: has('stack'),
    fields: { ...fields, stackId: 7, ifindex: 1 },
    data: udp,
  },
  {
    stage: 'drop',
    ...known,
    has: has('reason', 'location'),
    fields: { ...fields, ifindex: 9, reason: 6, location: 0xffffffff81234560n, link: tapLink.network },
    data: echo,
  },
  {
    stage: 'drop',
    has: ['reason', 'location'],
    fields: { reason: 77, location: 0x1234n, linkType: 0, protocol: 0x1234 },
    data: toBytes('00ff'),
  },
  { stage: 'consume', fields: { len: 1500 }, is: ['unreadable'], data: udp.subarray(0, 20) },
  {
    stage: 'rx-tap',
    function: rx,
    late: true,
    fields: { packetType: 3 },
    has: ['packetType'],
    data: concatBytes([udp, new Uint8Array(10)]),
  },
];

/** A microsecond and a nanosecond apart, one with a time before the one before. */
const timeNs = (at: number): bigint => 12_345_123_456_789n + BigInt(at) * 1001n - (at === 11 ? 50_000n : 0n);

export function scene(): TapEvent[] {
  return contents.map((content, at) =>
    tapEvent({ ...content, seq: at + 1, fields: { timeNs: timeNs(at), ...content.fields } }),
  );
}
