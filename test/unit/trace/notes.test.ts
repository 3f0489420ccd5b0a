import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notesOf, vlanText } from '../../../src/trace/notes.js';
import { ETHERTYPE, ethernetFrame, withVlanTag } from '../../support/frames.js';
import { type EventContent, tapEvent } from '../support/events.js';

const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
const data = ethernetFrame(pair, ETHERTYPE.experimental1, new Uint8Array(46));
const notes = (content: EventContent) => [...notesOf(tapEvent({ data, ...content }))];

const CHECKSUM = { NONE: 0, UNNECESSARY: 1, COMPLETE: 2, PARTIAL: 3 };
const partial = 'checksum not filled yet: CHECKSUM_PARTIAL';

test('a plain packet needs no words', () => {
  assert.deepEqual(notes({ stage: 'rx-tap' }), []);
  assert.deepEqual(notes({ stage: 'tx-tap', has: ['armed'], is: ['armed'] }), []);
  assert.deepEqual(notes({ stage: 'drop', has: ['armed'] }), []);
});

test('a tap that nobody has armed', () => {
  assert.deepEqual(notes({ stage: 'tx-tap', has: ['armed'] }), ['would be tapped here']);
  assert.deepEqual(notes({ stage: 'rx-tap', has: ['armed'] }), ['would be tapped here']);
  assert.deepEqual(notes({ stage: 'start-xmit', has: ['armed'] }), []);
});

test('checksums that are still to be filled in', () => {
  for (const [kind, ipSummed] of Object.entries(CHECKSUM)) {
    const expected = kind === 'PARTIAL' ? [partial] : [];
    assert.deepEqual(notes({ stage: 'start-xmit', has: ['checksum'], fields: { ipSummed } }), expected, kind);
  }
  assert.deepEqual(notes({ stage: 'start-xmit', fields: { ipSummed: CHECKSUM.PARTIAL } }), []);
});

test('GSO: what a super-packet stands for', () => {
  const gso = (gsoSize: number, gsoSegs: number, gsoType: number) =>
    notes({ stage: 'start-xmit', has: ['gso'], fields: { gsoSize, gsoSegs, gsoType } })[0];
  assert.equal(gso(1448, 45, 1 << 0), 'GSO: stands for 45 segments of 1448 bytes (TCPv4)');
  assert.equal(gso(1448, 1, 1 << 0), 'GSO: stands for 1 segments of 1448 bytes (TCPv4)');
  assert.equal(gso(1428, 3, 1 << 4), 'GSO: stands for 3 segments of 1428 bytes (TCPv6)');
  assert.equal(gso(1200, 0, 1 << 17), 'GSO: stands for segments of 1200 bytes (UDP)');
  assert.equal(gso(1200, 2, 1 << 6), 'GSO: stands for 2 segments of 1200 bytes');
});

test('VLAN tags beside the bytes', () => {
  assert.equal(vlanText({ tci: 10, protocol: ETHERTYPE.vlan }), 'VLAN 10 (802.1Q)');
  assert.equal(vlanText({ tci: 0xb00a, protocol: ETHERTYPE.qinq }), 'VLAN 10 priority 5 (802.1ad)');
  const fields = { vlanTci: 10, vlanProtocol: ETHERTYPE.vlan };
  const expected = ['VLAN 10 (802.1Q) is in skb metadata, not in the bytes'];
  assert.deepEqual(notes({ stage: 'tx-tap', has: ['vlan'], fields }), expected);
  const tagged = withVlanTag(data, ETHERTYPE.vlan, 10);
  assert.deepEqual(notes({ stage: 'rx-tap', data: tagged, fields: { protocol: ETHERTYPE.vlan } }), expected);
  const cut = notes({ stage: 'rx-tap', data: tagged.subarray(0, 17), fields: { protocol: ETHERTYPE.vlan } });
  assert.match(cut.join(), /^VLAN header cut short/);
});

test('packets for another host, on the way in only', () => {
  const fields = { packetType: 3 };
  assert.deepEqual(notes({ stage: 'rx-tap', has: ['packetType'], fields }), [
    'for another host by its MAC address: IP drops such frames',
  ]);
  assert.deepEqual(notes({ stage: 'tx-tap', has: ['packetType'], fields }), []);
  assert.deepEqual(notes({ stage: 'rx-tap', fields }), []);
});

test('all of them, in a fixed order, and the common ones are not made anew', () => {
  const everything = notes({
    stage: 'rx-tap',
    late: true,
    has: ['armed', 'vlan', 'checksum', 'gso', 'packetType'],
    is: ['unreadable'],
    fields: { ipSummed: CHECKSUM.PARTIAL, packetType: 3, gsoSize: 100, gsoSegs: 2, vlanTci: 5 },
  });
  assert.deepEqual(
    everything.map((note) => note.split(/[ :]/)[0]),
    [...['would', 'late', 'VLAN', 'checksum', 'GSO', 'for', 'payload']],
  );
  const common = tapEvent({
    stage: 'tx-tap',
    data,
    has: ['armed', 'checksum'],
    fields: { ipSummed: CHECKSUM.PARTIAL },
  });
  assert.deepEqual([...notesOf(common)], ['would be tapped here', partial]);
  assert.equal(notesOf(common), notesOf(common));
});
