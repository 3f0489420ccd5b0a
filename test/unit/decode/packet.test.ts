import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapLink } from '../../../src/decode/layout.generated.js';
import { type DecodedPacket, decodePacket, emptyPacket } from '../../../src/decode/packet.js';
import { ETHERTYPE, ethernetFrame, withoutVlanTag, withVlanTag } from '../../support/frames.js';
import { type RecordContent, recordView } from '../support/records.js';

const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
const untagged = ethernetFrame(
  pair,
  ETHERTYPE.experimental1,
  Uint8Array.from({ length: 60 }, (_, i) => i),
);
const tagged = (tpid: number, tci: number): Uint8Array => withVlanTag(untagged, tpid, tci);

function decode(content: RecordContent, entryOfReceive = true): DecodedPacket {
  const packet = emptyPacket();
  decodePacket(
    recordView({ ...content, fields: { linkType: 1, ...content.fields } }),
    packet,
    entryOfReceive,
  );
  return packet;
}

const bytesOf = ({ bytes, offset, capLen }: DecodedPacket): Uint8Array =>
  bytes.slice(offset, offset + capLen);

/** A frame at the entry of __netif_receive_skb_core, `capLen` of its bytes captured. */
const atEntry = (frame: Uint8Array, protocol: number, capLen = frame.length): DecodedPacket =>
  decode({ data: frame.subarray(0, capLen), fields: { protocol, len: frame.length } });

test('a frame without a tag is as it is', () => {
  const packet = atEntry(untagged, ETHERTYPE.experimental1);
  assert.deepEqual(bytesOf(packet), untagged);
  assert.equal(packet.len, untagged.length);
  assert.equal(packet.linkType, 'ethernet');
  assert.equal(packet.protocol, ETHERTYPE.experimental1);
  assert.equal('vlan' in packet, false);
  assert.deepEqual([packet.untagged, packet.cutTag], [false, false]);
});

for (const [name, tpid] of [
  ['802.1Q', ETHERTYPE.vlan],
  ['802.1ad', ETHERTYPE.qinq],
] as const) {
  test(`an ${name} tag in the bytes becomes metadata, as before the tap lists`, () => {
    const packet = atEntry(tagged(tpid, 0xa064), tpid);
    assert.deepEqual(bytesOf(packet), untagged);
    assert.equal(packet.len, untagged.length);
    assert.deepEqual(packet.vlan, { protocol: tpid, tci: 0xa064 });
    assert.equal(packet.untagged, true);
  });
}

test('of two tags only the outer one is taken out', () => {
  const inner = tagged(ETHERTYPE.vlan, 7);
  const packet = atEntry(withVlanTag(inner, ETHERTYPE.qinq, 9), ETHERTYPE.qinq);
  assert.deepEqual(bytesOf(packet), inner);
  assert.deepEqual(packet.vlan, { protocol: ETHERTYPE.qinq, tci: 9 });
});

test('where the kernel already has a tag in metadata, the one in the bytes stays', () => {
  const frame = tagged(ETHERTYPE.vlan, 7);
  const fields = { protocol: ETHERTYPE.vlan, vlanTci: 9, vlanProtocol: ETHERTYPE.qinq };
  const packet = decode({ data: frame, has: ['vlan'], fields });
  assert.deepEqual(bytesOf(packet), frame);
  assert.deepEqual(packet.vlan, { protocol: ETHERTYPE.qinq, tci: 9 });
  assert.equal(packet.untagged, false);
});

test('behind the tap lists and on the way out, tags in the bytes stay', () => {
  const frame = tagged(ETHERTYPE.vlan, 7);
  const packet = decode({ data: frame, fields: { protocol: ETHERTYPE.vlan } }, false);
  assert.deepEqual(bytesOf(packet), frame);
  assert.equal(packet.vlan, undefined);
});

test('the protocol of the skb decides, not what the bytes look like', () => {
  const frame = tagged(ETHERTYPE.vlan, 7);
  const packet = atEntry(frame, ETHERTYPE.ipv4);
  assert.deepEqual(bytesOf(packet), frame);
});

test('a tag that is cut short is left, and said: the kernel drops such a packet (skb_vlan_untag)', () => {
  const frame = tagged(ETHERTYPE.vlan, 7);
  for (const length of [14, 16, 18, 19]) {
    const packet = atEntry(frame.subarray(0, length), ETHERTYPE.vlan);
    assert.equal(packet.cutTag, true, `${length} bytes`);
    assert.equal(packet.untagged, false);
    assert.deepEqual(bytesOf(packet), frame.subarray(0, length));
  }
  assert.equal(atEntry(frame.subarray(0, 20), ETHERTYPE.vlan).cutTag, false);
});

/** The program keeps four bytes more of a packet with such a tag (bpf/tap.h, wanted_bytes). */
test('at every snaplen: the bytes that a tap would get, cut where it would cut', () => {
  const frame = tagged(ETHERTYPE.vlan, 7);
  for (let snaplen = 1; snaplen <= untagged.length; snaplen += 1) {
    const packet = atEntry(frame, ETHERTYPE.vlan, snaplen + 4);
    assert.deepEqual(bytesOf(packet), withoutVlanTag(frame).subarray(0, snaplen), `snaplen ${snaplen}`);
    assert.equal(packet.len, untagged.length, `snaplen ${snaplen}`);
    const known = snaplen < 12 ? undefined : { protocol: ETHERTYPE.vlan, tci: 7 };
    assert.deepEqual(packet.vlan, known, `snaplen ${snaplen}`);
  }
});

test('a packet that is used again keeps nothing of the one before', () => {
  const packet = emptyPacket();
  const entry = (frame: Uint8Array, protocol: number) =>
    decodePacket(recordView({ data: frame, fields: { protocol, linkType: 1 } }), packet, true);
  entry(tagged(ETHERTYPE.vlan, 7), ETHERTYPE.vlan);
  entry(untagged, ETHERTYPE.experimental1);
  assert.equal('vlan' in packet, false);
  assert.equal(packet.untagged, false);
  entry(tagged(ETHERTYPE.vlan, 7).subarray(0, 16), ETHERTYPE.vlan);
  entry(untagged, ETHERTYPE.experimental1);
  assert.equal(packet.cutTag, false);
});

test('link types: Ethernet and loopback have Ethernet headers, others are not guessed', () => {
  const linkTypeOf = (fields: RecordContent['fields']) =>
    decode({ data: untagged, fields: fields ?? {} }).linkType;
  assert.equal(linkTypeOf({ linkType: 1 }), 'ethernet');
  assert.equal(linkTypeOf({ linkType: 772 }), 'ethernet');
  assert.equal(linkTypeOf({ linkType: 32 }), 'unknown');
  assert.equal(linkTypeOf({ linkType: 1, link: tapLink.network }), 'raw');
  assert.equal(linkTypeOf({ linkType: 65534, link: tapLink.network }), 'raw');
});

test('a tag is not looked for where there is no Ethernet header', () => {
  const packet = decode({ data: untagged, fields: { protocol: ETHERTYPE.vlan, link: tapLink.network } });
  assert.deepEqual(bytesOf(packet), untagged);
  assert.equal(packet.untagged, false);
});
