import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { packagePath } from '../../../src/native/binding.js';
import { sections } from '../../../src/stages/sections.js';
import { stages } from '../../../src/stages/table.js';
import type { StageId } from '../../../src/stages/types.js';

/** Written into records, so neither a number nor an id may ever change. */
const contract: readonly (readonly [number, StageId])[] = [
  [1, 'xdp'],
  [2, 'gro'],
  [3, 'netif-rx'],
  [4, 'rx-tap'],
  [5, 'tc-ingress'],
  [6, 'nf-ingress'],
  [7, 'rx-handler'],
  [8, 'ip-rcv'],
  [9, 'nf-prerouting'],
  [10, 'nf-input'],
  [11, 'nf-forward'],
  [12, 'l4-rcv'],
  [13, 'sock-queue'],
  [14, 'delivery'],
  [15, 'nf-output'],
  [16, 'ip-output'],
  [17, 'nf-postrouting'],
  [18, 'nf-egress'],
  [19, 'tc-egress'],
  [20, 'dev-queue'],
  [21, 'qdisc-enqueue'],
  [22, 'qdisc-dequeue'],
  [23, 'tx-tap'],
  [24, 'start-xmit'],
  [25, 'xmit-done'],
  [26, 'drop'],
  [27, 'consume'],
];

test('ids and numbers are those of the contract, in path order', () => {
  assert.deepEqual(
    stages.map(({ number, id }) => [number, id]),
    contract,
  );
});

test('what a stage sees and misses is told in full sentences', () => {
  for (const { id, sees, misses } of stages) {
    for (const text of [sees, misses]) assert.match(text, /^[A-Z].*\.$/, id);
  }
});

test('remarks of rungs are sentences', () => {
  for (const { id, ladder } of stages) {
    for (const { remark } of ladder) if (remark !== undefined) assert.match(remark, /^[A-Z].*\.$/, id);
  }
});

test('every stage can be named, found in the source, and watched somehow', () => {
  for (const { id, title, functions, source, ladder, before, after } of stages) {
    assert.ok(title.length <= 45, `${id}: the title does not fit its column`);
    assert.match(source, /^(net|include)\/[\w/.-]+\.[ch]$/, id);
    assert.ok(functions.length > 0 && ladder.length > 0 && before.length > 0 && after.length > 0, id);
    for (const name of functions) assert.match(name, /^\w+$/, id);
  }
});

test('titles, functions and ladders are not repeated', () => {
  assert.equal(new Set(stages.map(({ title }) => title)).size, stages.length);
  for (const { id, functions, ladder } of stages) {
    assert.equal(new Set(functions).size, functions.length, id);
    assert.equal(
      new Set(ladder.map(({ mechanism, target }) => `${mechanism} ${target}`)).size,
      ladder.length,
      id,
    );
  }
});

test('the programs that rungs name are in bpf/', () => {
  const folder = packagePath('bpf');
  const sources = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
  const programs = sources.join().matchAll(/SEC\([^)]+\)\s+int (\w+)\(/g);
  const known = new Set([...programs].map(([, name]) => name));
  for (const { id, ladder } of stages) {
    for (const { program } of ladder) {
      if (!program) continue;
      assert.ok(readdirSync(folder).includes(`${program.object}.bpf.c`), id);
      for (const name of [program.name, program.onReturn ?? program.name])
        assert.ok(known.has(name), `${id}: ${name}`);
    }
  }
});

test('the groups hold what the contract says', () => {
  const grouped = (group: string) => stages.filter((stage) => stage.group === group).map(({ id }) => id);
  assert.deepEqual(grouped('taps'), ['rx-tap', 'tx-tap']);
  assert.deepEqual(
    grouped('netfilter'),
    stages.map(({ id }) => id).filter((id) => id.startsWith('nf-')),
  );
  assert.deepEqual(
    stages.filter(({ inPath }) => !inPath).map(({ id }) => id),
    ['gro', 'delivery'],
  );
});

test('directions follow the path', () => {
  const odd = { 'nf-forward': 'forward', delivery: 'unknown', drop: 'unknown', consume: 'unknown' };
  for (const { id, number, direction } of stages) {
    const expected = id in odd ? odd[id as keyof typeof odd] : number <= 13 ? 'rx' : 'tx';
    assert.equal(direction, expected, id);
  }
});

test('the sections of the map hold every stage exactly once, each way in path order', () => {
  const placed = sections.map(({ steps }) =>
    steps.flatMap(({ stage }) => (stage === undefined ? [] : [stage])),
  );
  assert.deepEqual(placed.flat().sort(), contract.map(([, id]) => id).sort());
  for (const ids of placed) {
    const numbers = ids.map((id) => stages.find((stage) => stage.id === id)!.number);
    assert.deepEqual(
      numbers,
      numbers.toSorted((left, right) => left - right),
    );
  }
});

/** Phrases that must be found in this order in before + after of the stage. */
const orders: readonly (readonly [StageId, 'before' | 'after', readonly RegExp[]])[] = [
  ['rx-tap', 'before', [/driver/, /native XDP/, /GRO/, /RPS/]],
  [
    'rx-tap',
    'after',
    [/generic XDP .*entry/, /VLAN tag .*entry/, /tap lists/, /tc ingress/, /netfilter ingress/, /rx handler/],
  ],
  ['tc-ingress', 'before', [/generic XDP/, /VLAN tag/, /tap lists/]],
  ['tc-ingress', 'after', [/netfilter ingress/, /VLAN device/, /ip_rcv/, /PRE_ROUTING/, /routing decision/]],
  ['nf-input', 'before', [/tap lists/, /PRE_ROUTING/, /routing decision/, /fragments/]],
  ['nf-forward', 'before', [/PRE_ROUTING/, /routing decision/, /TTL/]],
  ['nf-forward', 'after', [/IP output/, /POST_ROUTING/, /tap lists/]],
  ['nf-output', 'after', [/IP output/, /POST_ROUTING/, /MAC header/, /netfilter egress/, /tc egress/]],
  [
    'tx-tap',
    'before',
    [/POST_ROUTING/, /netfilter egress/, /tc egress/, /transmit queue/, /qdisc/, /segmentation/],
  ],
  ['tx-tap', 'after', [/ndo_start_xmit/, /answer/, /device/]],
];

for (const [id, side, phrases] of orders) {
  test(`${id}: ${side} tells ${phrases.map(({ source }) => source).join(', ')} in this order`, () => {
    const told = stages.find((stage) => stage.id === id)![side];
    let from = 0;
    for (const phrase of phrases) {
      const at = told.findIndex((text, index) => index >= from && phrase.test(text));
      assert.ok(at >= 0, `${phrase.source} not found behind position ${from} of ${told.join(' | ')}`);
      from = at + 1;
    }
  });
}

test('rx-tap has neither generic XDP nor its own tap lists behind it', () => {
  const { before } = stages.find(({ id }) => id === 'rx-tap')!;
  assert.ok(!before.some((text) => /generic XDP|tap lists/.test(text)));
});

test('on the way out the order is that of __dev_queue_xmit and xmit_one', () => {
  const order = [
    'nf-egress',
    'tc-egress',
    'dev-queue',
    'qdisc-enqueue',
    'qdisc-dequeue',
    'tx-tap',
    'start-xmit',
  ];
  const ids: readonly string[] = stages.map(({ id }) => id);
  const positions = order.map((id) => ids.indexOf(id));
  assert.deepEqual(
    positions,
    positions.toSorted((left, right) => left - right),
  );
});

test('the bytes of a packet begin where the layer has put them', () => {
  const startAt = (start: string) =>
    stages.filter(({ frameStart }) => frameStart === start).map(({ number }) => number);
  assert.deepEqual(startAt('mac-header'), [2, 3, 4, 5, 6, 7, 14]);
  assert.deepEqual(startAt('data'), [1, 18, 19, 20, 21, 22, 23, 24, 25]);
  assert.deepEqual(startAt('detect'), [8, 9, 10, 11, 12, 13, 15, 16, 17, 26, 27]);
});
