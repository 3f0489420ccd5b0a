/** What a packet's block says of the packets that it was made from, and of those that were made from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closingText, relativesTexts } from '../../../src/render/path-words.js';

test('which segment or fragment of its packet it is', () => {
  const ofSegment = relativesTexts({ parents: [{ packet: 17, how: 'gso-segment', part: 3 }], children: [] });
  assert.deepEqual(ofSegment, ['segment 3 of packet 17']);
  const ofFragment = relativesTexts({ parents: [{ packet: 4, how: 'fragment', part: 2 }], children: [] });
  assert.deepEqual(ofFragment, ['fragment 2 of packet 4']);
});

test('no number where nothing tells its place', () => {
  const parents = [{ packet: 4, how: 'fragment' }] as const;
  assert.deepEqual(relativesTexts({ parents, children: [] }), ['a fragment of packet 4']);
});

test('a packet names all its parts', () => {
  const children = [18, 19, 20].map((packet, index) => {
    return { packet, how: 'gso-segment', part: index + 1 } as const;
  });
  assert.deepEqual(relativesTexts({ parents: [], children }), ['cut into segments: packets 18-20']);
});

test('a packet that left what is watched was sent out by a device', () => {
  assert.equal(closingText({ closed: 'replaced' }, 'eth0'), 'sent out by eth0, and not seen again');
  assert.equal(closingText({ closed: 'replaced' }), 'no end was seen: a later packet has its memory');
  assert.match(closingText({ closed: 'delivered' }, 'eth0')!, /^taken by this host/);
  assert.equal(closingText({ closed: 'ended' }, 'eth0'), undefined);
});
