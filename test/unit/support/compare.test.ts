/** The comparator has to find every kind of difference: what it misses, no differential test can find. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toBytes, toHex } from '../../support/bytes.js';
import {
  betweenMarkers,
  firstDifference,
  firstLengthDifference,
  markByLength,
  type SeenPacket,
  seenInEvent,
} from '../../support/compare.js';
import { ETHERTYPE, ethernetFrame, markerFrame, withVlanTag } from '../../support/frames.js';
import type { TraceEvent } from '../../support/tracer.js';

const PAIR = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };

function seen(bytes: Uint8Array, len = bytes.length): SeenPacket {
  return { len, bytes, timeNs: 0n, text: '' };
}

const packets = [1, 2, 3, 4, 5].map((value) =>
  seen(ethernetFrame(PAIR, ETHERTYPE.experimental1, new Uint8Array(200).fill(value))),
);
const [first, second, third, fourth, fifth] = packets as [
  SeenPacket,
  SeenPacket,
  SeenPacket,
  SeenPacket,
  SeenPacket,
];
const cut = (packet: SeenPacket, snaplen: number) => seen(packet.bytes.subarray(0, snaplen), packet.len);

function changed(packet: SeenPacket, at: number): SeenPacket {
  const bytes = packet.bytes.slice();
  bytes[at]! ^= 1;
  return seen(bytes);
}

const arp = seen(ethernetFrame(PAIR, ETHERTYPE.arp, new Uint8Array(28)));
const neighbourSolicitation = seen(
  ethernetFrame(PAIR, ETHERTYPE.ipv6, toBytes(`6000000000203aff${'00'.repeat(32)}87${'00'.repeat(31)}`)),
);
const listenerReport = seen(
  ethernetFrame(
    PAIR,
    ETHERTYPE.ipv6,
    toBytes(`6000000000240001${'00'.repeat(32)}3a000502000001008f${'00'.repeat(27)}`),
  ),
);

describe('firstDifference', () => {
  const agreeing: [string, SeenPacket[], SeenPacket[]][] = [
    ['nothing', [], []],
    ['the same packets', packets, packets.slice()],
    ['a smaller snaplen on one side', packets, packets.map((packet) => cut(packet, 96))],
    ['ARP elsewhere among the traffic', [first, arp, second], [arp, first, second]],
    ['neighbour discovery elsewhere', [first, neighbourSolicitation], [neighbourSolicitation, first]],
    ['listener reports elsewhere', [first, listenerReport], [listenerReport, first]],
  ];
  for (const [name, expected, actual] of agreeing) {
    it(`accepts ${name}`, () => assert.equal(firstDifference(expected, actual), undefined));
  }

  const differing: [string, SeenPacket[], SeenPacket[], RegExp][] = [
    ['the first one missing', packets, packets.slice(1), /^packet 0 .*5 expected, 4 seen; 1 missing here/],
    ['two missing inside', packets, [first, fourth, fifth], /^packet 1 .*2 missing here/],
    ['the last ones missing', packets, [first, second], /^packet 2 .*the last 3 are missing.*seen: nothing/s],
    ['all missing', packets, [], /^packet 0 .*the last 5 are missing/],
    ['one twice', [first, second], [first, first, second], /^packet 1 .*1 too many here/],
    ['one at the end twice', [first, second], [first, second, second], /^packet 2 .*1 too many at the end/],
    ['two swapped', [first, second, third], [second, first, third], /^packet 0 .*out of order/],
    ['one byte', [first], [changed(first, 150)], /^packet 0 .*first different byte: 150\n.*0x0090: .* {2}</s],
    ['the length alone', [first], [seen(first.bytes, 999)], /^packet 0 .*lengths differ/],
    ['one ARP missing', [first, arp, arp], [first, arp], /^neighbour upkeep \(arp\): packet 1/],
  ];
  for (const [name, expected, actual, report] of differing) {
    it(`finds ${name}`, () => assert.match(firstDifference(expected, actual) ?? '', report));
  }
});

describe('firstLengthDifference', () => {
  const short = seen(ethernetFrame(PAIR, ETHERTYPE.experimental1, new Uint8Array(50)));
  const tagged = seen(withVlanTag(first.bytes, ETHERTYPE.vlan, 5));
  const blind = (packet: SeenPacket, len = packet.len) => seen(new Uint8Array(), len);

  it('agrees about lengths in order', () => {
    const actual = [blind(first), blind(short)];
    assert.equal(firstLengthDifference([first, short], actual, 'tx'), undefined);
    assert.match(firstLengthDifference([short, first], actual, 'tx') ?? '', /packet 0 differs/);
  });
  it('finds packets that are missing or too many', () => {
    assert.match(firstLengthDifference([first, short], [blind(first)], 'tx') ?? '', /the last 1 are missing/);
    assert.match(firstLengthDifference([], [blind(first)], 'tx') ?? '', /too many at the end/);
  });
  it('counts what has the length of neighbour upkeep, in any order', () => {
    const actual = [blind(arp), blind(first)];
    assert.equal(firstLengthDifference([first, arp], actual, 'tx'), undefined);
    assert.match(firstLengthDifference([first, arp, arp], actual, 'tx') ?? '', /the last 1 are missing/);
  });
  it('takes a VLAN tag for metadata on the way in, and for bytes on the way out', () => {
    assert.equal(firstLengthDifference([tagged], [blind(first)], 'rx'), undefined);
    assert.match(firstLengthDifference([tagged], [blind(first)], 'tx') ?? '', /packet 0 differs/);
    assert.equal(firstLengthDifference([tagged], [blind(tagged)], 'tx'), undefined);
  });
});

describe('seenInEvent', () => {
  const event = (changes: Partial<TraceEvent>): TraceEvent => ({
    ...{ type: 'event', seq: 1, time: '2026-01-02T03:04:05.123456789Z', tsNs: '1', stage: 'rx-tap' },
    ...{ mechanism: 'tp_btf', observed: true, direction: 'rx', cpu: 0, len: 214, capLen: 96 },
    data: toHex(first.bytes.subarray(0, 96)),
    ...changes,
  });

  it('takes bytes, original length and wall clock', () => {
    const packet = seenInEvent(event({}), 96);
    assert.equal(firstDifference([first], [packet]), undefined);
    assert.equal(packet.timeNs, BigInt(Date.parse('2026-01-02T03:04:05Z')) * 1_000_000n + 123456789n);
  });

  it('puts a metadata VLAN tag back, which lengthens the packet by four', () => {
    const packet = seenInEvent(event({ vlan: { tci: 0xa064, protocol: 0x8100 } }), 96);
    assert.equal(firstDifference([seen(withVlanTag(first.bytes, 0x8100, 0xa064))], [packet]), undefined);
  });

  it('refuses fewer bytes than the snaplen allows', () => {
    assert.throws(() => seenInEvent(event({ capLen: 95 }), 96), /96 bytes expected, got capLen 95/);
    assert.throws(() => seenInEvent(event({ data: '' }), 96), /96 bytes expected, got capLen 96, 0 bytes/);
    assert.throws(() => seenInEvent(event({}), 0), /214 bytes expected/);
  });

  it('refuses bytes where the kernel cannot have let anybody read them', () => {
    assert.equal(seenInEvent(event({ capLen: 0, data: '' }), 96, false).bytes.length, 0);
    assert.throws(() => seenInEvent(event({}), 96, false), /0 bytes expected, got capLen 96/);
  });

  it('refuses a time that is not to the nanosecond', () => {
    assert.throws(() => seenInEvent(event({ time: '2026-01-02T03:04:05Z' }), 96), /not a time/);
  });
});

describe('betweenMarkers', () => {
  const marker = (text: string) => seen(markerFrame(PAIR, text));

  it('takes what lies strictly between', () => {
    const capture = [first, marker('start'), second, third, marker('end'), fourth];
    assert.deepEqual(betweenMarkers(capture, 'start', 'end'), [second, third]);
  });

  it('knows markers without bytes by their length', () => {
    const blindMarker = seen(new Uint8Array(), marker('start').len);
    const capture = markByLength([first, blindMarker, second, blindMarker], ['start', 'end']);
    assert.deepEqual(betweenMarkers(capture, 'start', 'end'), [second]);
    const more = markByLength([blindMarker, blindMarker, blindMarker], ['start', 'end']);
    assert.equal(more[2]!.marker, 'one too many');
  });

  it('needs each marker exactly once', () => {
    assert.throws(() => betweenMarkers([marker('start')], 'start', 'end'), /0 frames are marked "end"/);
    const twice = [marker('start'), marker('start'), marker('end')];
    assert.throws(() => betweenMarkers(twice, 'start', 'end'), /2 frames are marked "start"/);
  });
});
