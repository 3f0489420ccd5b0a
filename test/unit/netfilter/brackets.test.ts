/** Where links have to stand, checked on worked examples and, on thousands of made-up hooks, against its purpose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bracket, bracketsOf, chainsAt, runsAt } from '../../../src/netfilter/brackets.js';
import type { BaseChain } from '../../../src/netfilter/types.js';
import { chain, names } from './chains.js';

const least = -(2 ** 31);
const most = 2 ** 31 - 1;
const told = (brackets: readonly Bracket[]): [number, string, string][] =>
  brackets.map(({ priority, before, after }) => [priority, names(before), names(after)]);

test('an empty hook has a link at each end', () => {
  assert.deepEqual(told(bracketsOf([])), [
    [least + 1, '', ''],
    [most - 1, '', ''],
  ]);
});

test('a link in front of each chain and one behind it', () => {
  assert.deepEqual(told(bracketsOf([chain('a', -10), chain('b', 20)])), [
    [least + 1, '', ''],
    [-11, '', 'a'],
    [-9, 'a', ''],
    [19, '', 'b'],
    [21, 'b', ''],
    [most - 1, '', ''],
  ]);
});

test('where one priority is free between two chains, one link serves both', () => {
  assert.deepEqual(told(bracketsOf([chain('a', 0), chain('b', 2)])), [
    [least + 1, '', ''],
    [-1, '', 'a'],
    [1, 'a', 'b'],
    [3, 'b', ''],
    [most - 1, '', ''],
  ]);
});

test('chains with no priority between them are named together, those of one priority too', () => {
  const chains = [chain('a', 0), chain('b', 1), chain('c', 1), chain('d', 5)];
  assert.deepEqual(told(bracketsOf(chains)), [
    [least + 1, '', ''],
    [-1, '', 'a b c'],
    [2, 'a b c', ''],
    [4, '', 'd'],
    [6, 'd', ''],
    [most - 1, '', ''],
  ]);
});

test('a priority that somebody else has is done without: the next free one away from the chain', () => {
  assert.deepEqual(told(bracketsOf([chain('a', 0)], new Set([-1, 1, 2, least + 1]))), [
    [least + 2, '', ''],
    [-2, '', 'a'],
    [3, 'a', ''],
    [most - 1, '', ''],
  ]);
});

test('with none left in a gap, the chains on both sides become one group', () => {
  assert.deepEqual(told(bracketsOf([chain('a', 0), chain('b', 2)], new Set([1]))), [
    [least + 1, '', ''],
    [-1, '', 'a b'],
    [3, 'a b', ''],
    [most - 1, '', ''],
  ]);
});

test('chains at the ends of all priorities have no link beyond them', () => {
  assert.deepEqual(told(bracketsOf([chain('a', least), chain('b', most)])), [
    [least + 1, 'a', ''],
    [most - 1, '', 'b'],
  ]);
});

test('chains of type nat run where the NAT hook of the kernel is, whatever their priority says', () => {
  const nat = (hook: string, priority: number, family: BaseChain['family'] = 'ip') =>
    runsAt(chain('n', priority, { type: 'nat', hook, family }));
  assert.deepEqual([nat('prerouting', 50), nat('output', -150), nat('input', 0)], [-100, -100, 100]);
  assert.deepEqual([nat('postrouting', 7, 'inet'), nat('prerouting', -300, 'bridge')], [100, -300]);
  const chains = [
    chain('pre', -90, { type: 'nat', hook: 'prerouting' }),
    chain('raw', -95, { hook: 'prerouting' }),
  ];
  assert.equal(names(chainsAt(chains, 'ip', 'prerouting')), 'pre raw');
});

test('chains of a hook are those of the family and of inet, in order, and of no other hook', () => {
  const chains = [
    ...[chain('late', 10), chain('four', 5, { family: 'ip' }), chain('six', 1, { family: 'ip6' })],
    ...[chain('out', 0, { hook: 'output' }), chain('br', 0, { family: 'bridge' }), chain('early', -10)],
  ];
  assert.equal(names(chainsAt(chains, 'ip', 'input')), 'early four late');
  assert.equal(names(chainsAt(chains, 'ip6', 'input')), 'early six late');
});

/** A generator of numbers that is the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state;
  }
}

test('the last link that a packet passed always names the chain that kept it', () => {
  const random = numbers(7);
  const below = (limit: number): number => random.next().value % limit;
  const spreads = [4, 12, 60, 1000];
  for (let round = 0; round < 3000; round += 1) {
    const spread = spreads[round % spreads.length]!;
    const chains = Array.from({ length: below(7) }, (_, index) => chain(`c${index}`, below(spread) - 2)).sort(
      (a, b) => a.priority - b.priority,
    );
    const unusable = new Set(Array.from({ length: below(6) }, () => below(spread) - 2));
    const brackets = bracketsOf(chains, unusable);
    const where = JSON.stringify([chains.map(({ priority }) => priority), [...unusable]]);
    const priorities = brackets.map(({ priority }) => priority);
    assert.deepEqual(
      priorities,
      [...new Set(priorities)].sort((a, b) => a - b),
      where,
    );
    for (const priority of priorities) {
      assert.ok(!unusable.has(priority), where);
      assert.ok(!chains.some((one) => one.priority === priority), where);
    }
    for (const one of chains) {
      const passed = brackets.filter(({ priority }) => priority < one.priority);
      assert.ok(passed.at(-1)!.after.includes(one), where);
      assert.ok(brackets[passed.length]!.before.includes(one), where);
    }
    const named = brackets.flatMap(({ after }) => after);
    assert.deepEqual(named, chains, where);
  }
});

test('chains with a free priority between them are never named together', () => {
  const chains = [chain('a', 0), chain('b', 2), chain('c', 20), chain('d', 1000)];
  for (const { after } of bracketsOf(chains)) assert.ok(after.length <= 1);
});
