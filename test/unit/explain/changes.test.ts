/** What changed between steps: each field, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, changesOf } from '../../../src/explain/changes.js';
import type { Journey } from '../../../src/journey/journey.js';
import { ETHERTYPE, withVlanTag } from '../../support/frames.js';
import { ipv4, tcp } from '../journey/sightings.js';
import { names } from '../support/events.js';
import { bare, brackets, chain, frame, payload, type Sight, sceneOf, sight } from './journeys.js';

function changes(sights: readonly Sight[], more: Partial<Journey> = {}): Change[] {
  const scene = sceneOf(sights, more);
  return changesOf(scene.journey, scene.steps, names);
}

const textsOf = (list: readonly Change[]): string[] => list.map(({ text }) => text);
const texts = (...sights: Sight[]): string[] => textsOf(changes(sights));

test('the same packet twice: nothing', () => {
  assert.deepEqual(changes([sight('netif-rx'), sight('rx-tap')]), []);
});

test('addresses, ports, TTL, DSCP and ECN', () => {
  const before = sight('nf-prerouting', { data: frame() });
  const after = sight('nf-input', { data: frame({ src: '10.0.0.9', dst: '10.0.0.8', ttl: 63 }, 7, 8) });
  assert.deepEqual(changes([before, after]), [
    { at: 1, field: 'src', from: '10.0.0.1', to: '10.0.0.9', text: 'source 10.0.0.1 → 10.0.0.9' },
    { at: 1, field: 'sport', from: 1000, to: 7, text: 'source port 1000 → 7' },
    { at: 1, field: 'dst', from: '10.0.0.2', to: '10.0.0.8', text: 'destination 10.0.0.2 → 10.0.0.8' },
    { at: 1, field: 'dport', from: 2000, to: 8, text: 'destination port 2000 → 8' },
    { at: 1, field: 'ttl', from: 64, to: 63, text: 'TTL 64 → 63' },
  ]);
  const marked = frame();
  marked[15] = (46 << 2) | 3;
  assert.deepEqual(texts(sight('nf-output'), sight('nf-postrouting', { data: marked })), [
    'DSCP 0 → 46',
    'ECN 0 → 3',
  ]);
});

test('the hop limit and traffic class of IPv6', () => {
  const packet = new Uint8Array(48);
  packet.set([0x60, 0, 0, 0, 0, 8, 17, 64]);
  packet[23] = 1;
  packet[39] = 2;
  const later = Uint8Array.from(packet);
  later[7] = 63;
  later[0] = 0x6b;
  later[1] = 0x80;
  const at = (data: Uint8Array) => sight('nf-forward', { data, fields: { link: 1, protocol: 0x86dd } });
  assert.deepEqual(texts(at(packet), at(later)), ['hop limit 64 → 63', 'DSCP 0 → 46']);
});

test('the mark, with 0 for none, and the CPU', () => {
  assert.deepEqual(texts(sight('nf-output'), sight('dev-queue', { fields: { mark: 42, cpu: 1 } })), [
    'mark 0 → 0x2a',
    'CPU 0 → 1',
  ]);
});

test('a stage that does not tell is skipped: what was known before is compared with what is known next', () => {
  const silent: Sight = { stage: 'xmit-done', has: ['skb'], fields: { skb: 0xffff888101234500n, len: 54 } };
  assert.deepEqual(
    texts(sight('start-xmit', { fields: { mark: 1 } }), silent, sight('rx-tap', { fields: { mark: 2 } })),
    ['mark 0x1 → 0x2'],
  );
});

test("the driver's answer, which comes when the packet is elsewhere, is no change back and forth", () => {
  const elsewhere = { ifindex: 1, netnsInum: 2, cpu: 1 };
  const list = changes([
    sight('start-xmit'),
    sight('netif-rx', { fields: elsewhere }),
    sight('xmit-done'),
    sight('rx-tap', { fields: elsewhere }),
  ]);
  assert.deepEqual([...new Set(list.map(({ at }) => at))], [1]);
});

test('the device and the namespace', () => {
  const [first, second] = changes([
    sight('start-xmit'),
    sight('netif-rx', { fields: { ifindex: 1, netnsInum: 2 } }),
  ]);
  assert.deepEqual([first?.field, first?.from, first?.to], ['netns', 1, 2]);
  assert.deepEqual([second?.field, second?.from, second?.to], ['device', 'eth0', 'lo']);
});

test('a VLAN tag is pushed, moved, popped', () => {
  const tagged = withVlanTag(frame(), ETHERTYPE.vlan, 10);
  const has = ['vlan'] as const;
  const fields = { vlanTci: 10, vlanProtocol: ETHERTYPE.vlan };
  assert.deepEqual(
    texts(
      sight('dev-queue'),
      sight('tx-tap', { has, fields }),
      sight('start-xmit', { data: tagged }),
      sight('netif-rx'),
    ),
    [
      'VLAN tag pushed: 10 in metadata',
      'VLAN tag 10 in metadata → 1 in the bytes',
      'VLAN tag popped: was 1 in the bytes',
    ],
  );
});

test('a hook that sees no link header says nothing of tags in the bytes', () => {
  const tagged = withVlanTag(frame(), ETHERTYPE.vlan, 10);
  const inHook = sight('nf-prerouting', { data: bare(), fields: { link: 1 } });
  assert.deepEqual(texts(sight('start-xmit', { data: tagged }), inHook), []);
});

test('encapsulated: one change for the headers, and the length', () => {
  const inner = bare();
  const outer = ipv4({ src: '192.0.2.1', dst: '192.0.2.2', protocol: 4, ttl: 32, payload: inner });
  const at = (data: Uint8Array) => sight('nf-output', { data, fields: { link: 1 } });
  assert.deepEqual(texts(at(inner), at(outer), at(inner)), [
    'encapsulated: 192.0.2.1 > 192.0.2.2 is outermost now',
    'length 40 → 60 bytes (+20)',
    'decapsulated: 10.0.0.1 > 10.0.0.2 is outermost now',
    'length 60 → 40 bytes (−20)',
  ]);
});

test('trimmed: the padding of a short frame', () => {
  const padded = Uint8Array.from([...frame(), ...new Uint8Array(6)]);
  assert.deepEqual(texts(sight('rx-tap', { data: padded }), sight('nf-prerouting')), [
    'length 46 → 40 bytes (−6)',
  ]);
});

test('segmentation offload, checksum and the layout in memory', () => {
  const large = sight('dev-queue', {
    data: frame({ protocol: 6, payload: tcp(1, payload) }),
    has: ['gso'],
    fields: { gsoSize: 1448, gsoSegs: 3, ipSummed: 3, linearLen: 54, len: 4398, fragCount: 2 },
  });
  const cut = sight('tx-tap', {
    data: frame({ protocol: 6, payload: tcp(1, payload) }),
    fields: { ipSummed: 0, linearLen: 4398, len: 4398 },
  });
  assert.deepEqual(texts(large, cut), [
    'GSO 3 segments of 1448 → none',
    'checksum filled in (CHECKSUM_PARTIAL → CHECKSUM_NONE)',
    'memory 4344 bytes in 2 page fragments → linear',
  ]);
  assert.deepEqual(
    texts(sight('netif-rx', { fields: { ipSummed: 2 } }), sight('rx-tap', { fields: { ipSummed: 1 } })),
    ['checksum CHECKSUM_COMPLETE → CHECKSUM_UNNECESSARY'],
  );
});

test('the head of the same sk_buff: its memory is another', () => {
  const [change] = changes([sight('rx-tap'), sight('nf-input', { fields: { head: 0xffff888109999000n } })]);
  assert.equal(change?.field, 'head');
  assert.match(change!.text, /other memory/);
});

test('a clone is compared with the sk_buff that it was made from, not with what came between', () => {
  const list = changes(
    [
      sight('dev-queue'),
      sight('start-xmit', { fields: { mark: 5 } }),
      sight('delivery', { branch: 1, fields: { skb: 0xffff888101239900n, mark: 5 } }),
      sight('rx-tap', { fields: { mark: 0 } }),
      sight('consume', { branch: 1, fields: { skb: 0xffff888101239900n, mark: 5 } }),
    ],
    { branches: [{ kind: 'packet' }, { kind: 'tap-clone', from: 0 }] },
  );
  assert.deepEqual(
    list.map(({ at, field }) => [at, field]),
    [
      [1, 'mark'],
      [2, 'skb'],
      [3, 'mark'],
    ],
  );
});

test('between two brackets of a hook: the chains that did it', () => {
  const nat = chain('PREROUTING', -100, { table: 'nat' });
  const [before, after] = brackets('nf-prerouting', [nat]);
  const [change] = changes([
    sight('nf-prerouting', { hook: before! }),
    sight('nf-prerouting', { hook: after!, data: frame({ dst: '10.0.0.3' }) }),
  ]);
  assert.equal(change?.text, 'destination 10.0.0.2 → 10.0.0.3 in ip nat/PREROUTING (-100)');
  assert.deepEqual(change?.by, [nat]);
});

test('two passes through a hook are no bracket of each other', () => {
  const [first, second] = brackets('nf-prerouting', [chain('raw', -300)]);
  const [change] = changes([
    sight('nf-prerouting', { hook: second! }),
    sight('nf-prerouting', { hook: first!, fields: { mark: 1 } }),
  ]);
  assert.equal(change?.by, undefined);
});

test('the end of a packet, put aside already, tells no length and no checksum', () => {
  const data = frame().subarray(14);
  assert.deepEqual(
    texts(
      sight('rx-tap', { fields: { ipSummed: 3 } }),
      sight('consume', { data, fields: { link: 1, ipSummed: 0, len: 28 } }),
    ),
    [],
  );
});

test('the hash only when asked for', () => {
  const scene = sceneOf([sight('rx-tap'), sight('nf-input', { fields: { hash: 77 } })]);
  assert.deepEqual(changesOf(scene.journey, scene.steps, names), []);
  assert.deepEqual(textsOf(changesOf(scene.journey, scene.steps, names, true)), ['hash 0 → 0x4d']);
});
