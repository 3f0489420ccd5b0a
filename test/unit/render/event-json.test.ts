import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../../src/render/byte-writer.js';
import { EventJson } from '../../../src/render/event-json.js';
import type { TapEvent } from '../../../src/trace/event.js';
import { toHex } from '../../support/bytes.js';
import { assertGolden } from '../stages/golden.js';
import { type EventContent, names, tapEvent } from '../support/events.js';
import { scene } from './scene.js';

type Json = Record<string, unknown>;

/** The lines of some events, as one renderer writes them. */
function linesOf(events: readonly TapEvent[]): string[] {
  const out = new ByteWriter();
  const json = new EventJson(names, out);
  for (const event of events) json.write(event);
  const text = new TextDecoder().decode(out.bytes);
  assert.ok(text.endsWith('\n'));
  return text.slice(0, -1).split('\n');
}

const lineOf = (content: EventContent): string => linesOf([tapEvent(content)]).join('\n');
const jsonOf = (content: EventContent): Json => JSON.parse(lineOf(content));

const always = [
  'type',
  'seq',
  'time',
  'tsNs',
  'stage',
  'mechanism',
  'observed',
  'direction',
  'cpu',
  'len',
  'capLen',
];

test('events of every kind, one line each', () => {
  const lines = linesOf(scene());
  assertGolden('test/fixtures/render/events.jsonl', `${lines.join('\n')}\n`);
  for (const line of lines) {
    const event = JSON.parse(line) as Json;
    for (const key of always) assert.ok(key in event, `${key}: ${line}`);
    for (const [key, value] of Object.entries(event))
      assert.ok(value !== null && value !== '', `${key}: ${line}`);
  }
});

test('what a program could not know is absent, not zero', () => {
  const { armed, ...bare } = jsonOf({ stage: 'rx-tap', data: new Uint8Array(60) });
  assert.equal(armed, 'unknown');
  const absent = [
    ...[
      'skb',
      'head',
      'netns',
      'netnsCookie',
      'ifindex',
      'ifname',
      'vlan',
      'mark',
      'reason',
      'location',
      'stack',
    ],
    ...['socketCookie', 'socketInode', 'uid', 'task', 'notes', 'late', 'packet', 'sport', 'dport'],
  ];
  for (const key of absent) assert.ok(!(key in bare), key);
});

test('zero is told where it is known', () => {
  const has = ['uid', 'task', 'context', 'netnsCookie', 'reason'] as const;
  const { uid, task, netnsCookie, reason } = jsonOf({
    stage: 'drop',
    has,
    data: new Uint8Array(60),
    comm: 'swapper/0',
  });
  assert.deepEqual({ uid, netnsCookie, reason }, { uid: 0, netnsCookie: '0', reason: 'reason 0' });
  assert.deepEqual(task, { pid: 0, comm: 'swapper/0', context: 'process' });
});

test('the context of the task is told only where the program knew it', () => {
  const { task } = jsonOf({
    stage: 'drop',
    has: ['task'],
    data: new Uint8Array(60),
    comm: 'ping',
    fields: { pid: 5 },
  });
  assert.deepEqual(task, { pid: 5, comm: 'ping' });
});

test('only the taps say whether they are armed', () => {
  const armed = (content: Omit<EventContent, 'data'>) =>
    jsonOf({ ...content, data: new Uint8Array(60) }).armed;
  assert.equal(armed({ stage: 'tx-tap', has: ['armed'], is: ['armed'] }), true);
  assert.equal(armed({ stage: 'tx-tap', has: ['armed'] }), false);
  assert.equal(armed({ stage: 'tx-tap' }), 'unknown');
  assert.equal(armed({ stage: 'start-xmit', has: ['armed'], is: ['armed'] }), undefined);
});

test('a packet socket event is a probe of ours, every other one observed', () => {
  assert.equal(jsonOf({ stage: 'rx-tap', mechanism: 'packet_socket' }).observed, false);
  assert.equal(jsonOf({ stage: 'rx-tap', mechanism: 'kprobe' }).observed, true);
});

test('times and bytes come back exactly', () => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 54n });
  fc.assert(
    fc.property(u64, fc.uint8Array({ maxLength: 80 }), fc.nat(2000), (timeNs, data, more) => {
      const event = jsonOf({ stage: 'start-xmit', data, fields: { timeNs, len: data.length + more } });
      assert.equal(event.tsNs, timeNs.toString());
      assert.equal(event.data, toHex(data));
      assert.deepEqual([event.capLen, event.len], [data.length, data.length + more]);
    }),
  );
  assert.equal(jsonOf({ stage: 'drop', fields: { timeNs: 2n ** 63n + 1n } }).tsNs, '9223372036854775809');
});

test('whatever the packet, a line is one line of JSON without control characters', () => {
  const bytes = fc.uint8Array({ maxLength: 90 });
  fc.assert(
    fc.property(bytes, fc.constantFrom('0800', '86dd', '0806', '0026'), (payload, type) => {
      const data = new Uint8Array(Buffer.concat([new Uint8Array(12), Buffer.from(type, 'hex'), payload]));
      const line = lineOf({ stage: 'start-xmit', data });
      assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
      assert.equal(JSON.parse(line).data, toHex(data));
    }),
    { numRuns: 500 },
  );
});

test('what is remembered of one event is not told of the next', () => {
  const at = (ifindex: number, more: EventContent['has'], is: EventContent['is'] = []) =>
    tapEvent({
      stage: 'rx-tap',
      has: ['netns', 'ifindex', ...(more ?? [])],
      is,
      fields: { netnsInum: 5, ifindex },
    });
  const events = [
    at(2, ['armed']),
    at(1, ['armed']),
    at(1, ['armed'], ['armed']),
    at(1, []),
    at(7, []),
    at(2, []),
  ];
  const facts = linesOf(events)
    .map((line) => JSON.parse(line))
    .map(({ ifname, armed, notes }: Json) => [ifname, armed, notes]);
  const unarmed = ['would be tapped here'];
  assert.deepEqual(facts, [
    ['eth0', false, unarmed],
    ['lo', false, unarmed],
    ['lo', true, undefined],
    ['lo', 'unknown', undefined],
    [undefined, 'unknown', undefined],
    ['eth0', 'unknown', undefined],
  ]);
});

test('deliveries: what the socket made of the packet, and how many bytes it took', () => {
  const delivery = { stage: 'delivery', has: ['socketInode', 'aux'] } as const;
  const fields = { socketInode: 5n, aux: (0xf1n << 8n) | 1n };
  const counted = jsonOf({ ...delivery, fields });
  assert.deepEqual([counted.result, 'takenBytes' in counted], ['taken', false]);
  const asked = jsonOf({ ...delivery, fields, delivery: { result: 'taken', takenBytes: 96 } });
  assert.deepEqual([asked.result, asked.takenBytes], ['taken', 96]);
});

test('a drop at a packet socket that the kernel names is an answer of that socket', () => {
  const drop = (reason: number) =>
    jsonOf({ stage: 'drop', has: ['reason', 'socketInode'], fields: { reason, socketInode: 5n } });
  assert.equal(drop(7).result, 'full');
  assert.equal('result' in drop(6), false);
});
