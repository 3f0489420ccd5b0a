import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Merger } from '../../../src/decode/merge.js';
import { Batch, RecordView } from '../../../src/decode/record.js';
import { batchBytes } from '../support/records.js';

interface Given {
  readonly id: number;
  readonly timeNs: bigint;
  readonly late: boolean;
}

/** A merger with records that carry their number in `sequence`-like fields: `tid` tells which one it is. */
class Bench {
  readonly given: Given[] = [];
  readonly released: Batch[] = [];
  readonly merger: Merger;
  private readonly view = new RecordView();
  private count = 0;

  constructor(rings: number, baseNs: bigint) {
    this.merger = new Merger(rings, baseNs, (batch) => this.released.push(batch));
  }

  /** Adds records of these times; answers their ids. */
  add(ring: number, times: readonly bigint[]): number[] {
    const ids = times.map(() => this.count++);
    const bytes = batchBytes(
      times.map((timeNs, at) => ({ fields: { timeNs, tid: ids[at]! }, data: new Uint8Array(at % 3) })),
    );
    const room = new Uint8Array(bytes.length + 64).fill(0xee);
    room.set(bytes);
    const last = this.merger.add(ring, new Batch(room), bytes.length);
    assert.equal(last, times.length ? this.merger.relativeNs(times.at(-1)!) : undefined);
    return ids;
  }

  giveOut(untilNs: number, limit?: number): Given[] {
    const before = this.given.length;
    const take = (batch: Batch, offset: number, late: boolean): void => {
      const { tid, timeNs } = this.view.at(batch, offset);
      this.given.push({ id: tid, timeNs, late });
    };
    const count = this.merger.giveOut(untilNs, take, limit);
    assert.equal(count, this.given.length - before);
    return this.given.slice(before);
  }
}

const base = 123_456_789_012_345n;
const all = Number.POSITIVE_INFINITY;

type Step =
  | { readonly kind: 'add'; readonly ring: number; readonly times: readonly number[] }
  | { readonly kind: 'give'; readonly until: number; readonly limit: number };

const rings = 3;
const time = fc.nat(40);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    ring: fc.nat(rings - 1),
    times: fc.array(time, { maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('give' as const), until: time, limit: fc.constantFrom(1, 2, 5, all) }),
);

interface Waiting {
  readonly id: number;
  readonly time: number;
  readonly ring: number;
}

/** What giving out has to answer: the earliest first, then the lowest ring, then the one that came first. */
function expected(waiting: Waiting[], until: number, limit: number): Waiting[] {
  const due = waiting.filter((one) => one.time <= until);
  due.sort((a, b) => a.time - b.time || a.ring - b.ring || a.id - b.id);
  return due.slice(0, limit);
}

test('however rings are read and events given out: in order, each once, late ones marked', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const bench = new Bench(rings, base);
      let waiting: Waiting[] = [];
      let latest = Number.NEGATIVE_INFINITY;
      for (const one of [...steps, { kind: 'give', until: 1000, limit: all } as const]) {
        if (one.kind === 'add') {
          const ids = bench.add(
            one.ring,
            one.times.map((ns) => base + BigInt(ns)),
          );
          waiting.push(...ids.map((id, at) => ({ id, time: one.times[at]!, ring: one.ring })));
        } else {
          const wanted = expected(waiting, one.until, one.limit).map(({ id, time }) => {
            const late = time < latest;
            latest = Math.max(latest, time);
            return { id, timeNs: base + BigInt(time), late };
          });
          assert.deepEqual(bench.giveOut(one.until, one.limit), wanted);
          waiting = waiting.filter(({ id }) => !wanted.some((given) => given.id === id));
        }
        assert.equal(bench.merger.waiting, waiting.length);
      }
      assert.equal(bench.merger.late, bench.given.filter(({ late }) => late).length);
    }),
    { numRuns: 300 },
  );
});

test('rings that are each in order come out as one sorted list, whatever the batches', () => {
  const batches = fc.array(fc.array(fc.bigInt({ min: 0n, max: 2n ** 40n }), { maxLength: 40 }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.array(batches, { minLength: 1, maxLength: 4 }), (ringsOfBatches) => {
      const bench = new Bench(ringsOfBatches.length, base);
      const times: bigint[] = [];
      for (const [ring, some] of ringsOfBatches.entries()) {
        const sorted = some.flat().sort((a, b) => (a < b ? -1 : 1));
        for (const { length } of some)
          bench.add(
            ring,
            sorted.splice(0, length).map((ns) => base + ns),
          );
        times.push(...some.flat().map((ns) => base + ns));
      }
      const given = bench.giveOut(all);
      assert.deepEqual(
        given.map(({ timeNs }) => timeNs),
        times.sort((a, b) => (a < b ? -1 : 1)),
      );
      assert.equal(new Set(given.map(({ id }) => id)).size, times.length);
      assert.equal(bench.merger.late, 0);
    }),
  );
});

test('nothing later than asked is given out: it waits for rings that may bring something earlier', () => {
  const bench = new Bench(2, base);
  bench.add(0, [base + 10n, base + 20n, base + 30n]);
  assert.deepEqual(
    bench.giveOut(20).map(({ timeNs }) => timeNs - base),
    [10n, 20n],
  );
  bench.add(1, [base + 25n]);
  assert.deepEqual(
    bench.giveOut(all).map(({ timeNs, late }) => [timeNs - base, late]),
    [
      [25n, false],
      [30n, false],
    ],
  );
});

test('what comes after later events is given out at once, marked late', () => {
  const bench = new Bench(2, base);
  bench.add(0, [base + 30n]);
  bench.giveOut(all);
  bench.add(1, [base + 29n, base + 30n, base + 31n]);
  assert.deepEqual(
    bench.giveOut(all).map(({ late }) => late),
    [true, false, false],
  );
  assert.equal(bench.merger.late, 1);
});

test('times are exact to the nanosecond across the 32 bit border, for a hundred days, and before the base', () => {
  const edge = 0x7_ffff_ffffn;
  const day = 86_400_000_000_000n;
  for (const start of [0n, 1n, edge, edge + 1n, 2n ** 62n + 0xffff_fff0n]) {
    const times = [
      start,
      start + 1n,
      start + 2n,
      start + 0xffff_ffffn,
      start + 0x1_0000_0000n,
      start + 100n * day,
      start + 100n * day + 1n,
    ];
    const bench = new Bench(2, start + 2n);
    for (const [at, ns] of times.toReversed().entries()) bench.add(at % 2, [ns]);
    assert.deepEqual(
      bench.giveOut(all).map(({ timeNs }) => timeNs),
      times,
    );
    assert.equal(bench.merger.relativeNs(start), -2);
    assert.equal(bench.merger.relativeNs(start + 100n * day + 1n), Number(100n * day - 1n));
  }
});

test('thousands wait in one ring while others go on', () => {
  const bench = new Bench(2, base);
  const times = Array.from({ length: 5000 }, (_, at) => base + BigInt(at) * 10n);
  for (let at = 0; at < times.length; at += 700) {
    bench.add(0, times.slice(at, at + 700));
    bench.add(1, [base + BigInt(at * 10 + 5)]);
    bench.giveOut(at * 5);
  }
  bench.giveOut(all);
  assert.equal(bench.given.length, 5000 + 8);
  assert.equal(bench.merger.late, 0);
  const given = bench.given.map(({ timeNs }) => timeNs);
  assert.deepEqual(
    given,
    given.toSorted((a, b) => (a < b ? -1 : 1)),
  );
});

test('a batch is given back once, after its last record', () => {
  const bench = new Bench(2, base);
  bench.add(0, [base + 1n, base + 3n]);
  bench.add(1, [base + 2n]);
  bench.giveOut(1);
  assert.equal(bench.released.length, 0);
  bench.giveOut(2);
  assert.equal(bench.released.length, 1);
  bench.giveOut(all);
  assert.equal(bench.released.length, 2);
  assert.equal(new Set(bench.released).size, 2);
});
