/** Which links are opened, kept and closed, and which position each had when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HookPosition } from '../../../src/netfilter/types.js';
import { HookLinks } from '../../../src/trace/hook-links.js';
import { HookSpans } from '../../../src/trace/hook-spans.js';
import { chain, names } from '../netfilter/chains.js';
import { nativeError } from '../support/kernel-that-refuses.js';

const least = -(2 ** 31) + 1;
const most = 2 ** 31 - 2;

/** A hook at which others hold some priorities. */
class Hook {
  readonly open = new Map<number, { slot: number; priority: number }>();
  readonly log: string[] = [];
  private count = 0;
  readonly links: HookLinks;

  constructor(readonly busy: Set<number> = new Set()) {
    this.links = new HookLinks({
      open: (slot, priority) => {
        const isTaken = [...this.open.values()].some((one) => one.priority === priority);
        if (this.busy.has(priority) || isTaken) throw nativeError('open netfilter link', 'EBUSY');
        this.open.set(++this.count, { slot, priority });
        this.log.push(`+${priority}`);
        return this.count;
      },
      close: (link) => {
        this.log.push(`-${this.open.get(link)!.priority}`);
        this.open.delete(link);
      },
    });
  }

  get slots(): [slot: number, priority: number][] {
    return [...this.open.values()].map(({ slot, priority }) => [slot, priority]);
  }
}

test('each link of a hook has a slot of its own, counted from 0', () => {
  const hook = new Hook();
  const placed = hook.links.follow([chain('a', 0)]);
  assert.deepEqual(
    placed.map(({ slot, priority, before, after }) => [slot, priority, names(before), names(after)]),
    [
      [0, least, '', ''],
      [1, -1, '', 'a'],
      [2, 1, 'a', ''],
      [3, most, '', ''],
    ],
  );
  assert.deepEqual(
    hook.slots,
    placed.map(({ slot, priority }) => [slot, priority]),
  );
});

test('a chain that is added gets its own links; the others stay open, in their slots', () => {
  const hook = new Hook();
  hook.links.follow([chain('a', 0)]);
  hook.log.length = 0;
  const placed = hook.links.follow([chain('a', 0), chain('b', 10)]);
  assert.deepEqual(hook.log, ['+9', '+11']);
  assert.deepEqual(
    placed.map(({ slot }) => slot),
    [0, 1, 2, 4, 5, 3],
  );
});

test('links that are not wanted any more are closed after the new ones are open', () => {
  const hook = new Hook();
  hook.links.follow([chain('a', 0)]);
  hook.log.length = 0;
  hook.links.follow([chain('b', 10)]);
  assert.deepEqual(hook.log, ['+9', '+11', '--1', '-1']);
  hook.log.length = 0;
  hook.links.follow([chain('c', 11)]);
  assert.deepEqual(hook.log, ['+10', '+12', '-9', '-11']);
});

test('a priority that somebody has: the next one, or the chains around it together', () => {
  const hook = new Hook(new Set([1, least]));
  const placed = hook.links.follow([chain('a', 0), chain('b', 2)]);
  assert.deepEqual(
    placed.map(({ priority, before, after }) => [priority, names(before), names(after)]),
    [
      [least + 1, '', ''],
      [-1, '', 'a b'],
      [3, 'a b', ''],
      [most, '', ''],
    ],
  );
  assert.deepEqual(
    hook.slots.map(([, priority]) => priority).sort((a, b) => a - b),
    [least + 1, -1, 3, most],
  );
});

test('one that has become free is taken again', () => {
  const hook = new Hook(new Set([1]));
  hook.links.follow([chain('a', 0)]);
  hook.busy.clear();
  assert.deepEqual(
    hook.links.follow([chain('a', 0)]).map(({ priority }) => priority),
    [least, -1, 1, most],
  );
  assert.equal(hook.links.has(2), false);
});

test('another error is given on', () => {
  const links = new HookLinks({
    open: () => {
      throw nativeError('open netfilter link', 'EPERM');
    },
    close: () => undefined,
  });
  assert.throws(() => links.follow([]), /EPERM/);
});

test('close() leaves nothing open', () => {
  const hook = new Hook();
  hook.links.follow([chain('a', 0)]);
  hook.links.close();
  assert.equal(hook.open.size, 0);
});

const position = (index: number): HookPosition => ({
  ...{ family: 'ip', stage: 'nf-input', netnsInum: 1, count: 4, priority: 0, before: [], after: [] },
  index,
});

test('a record is from the position that the link had at its time', () => {
  const spans = new HookSpans();
  spans.begin(2, 100, position(1));
  spans.begin(2, 200, position(3));
  assert.equal(spans.at(2, 99)?.index, 1);
  assert.equal(spans.at(2, 199)?.index, 1);
  assert.equal(spans.at(2, 200)?.index, 3);
  assert.equal(spans.at(0, 200), undefined);
});

test('positions of long ago are forgotten, the current one never', () => {
  const spans = new HookSpans();
  const hour = 3600e9;
  spans.begin(0, 0, position(0));
  spans.begin(0, 1 * hour, position(1));
  spans.begin(0, 2 * hour, position(2));
  assert.equal(spans.at(0, 10)?.index, 1);
  assert.equal(spans.at(0, 1.5 * hour)?.index, 1);
  assert.equal(spans.at(0, 9 * hour)?.index, 2);
});
