/** Quantiles of times: within 1 % of the sorted list, whatever the times are. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationText } from '../../../src/compare/duration.js';
import { Histogram } from '../../../src/compare/histogram.js';

/** Numbers that are the same in every run. */
function* pseudoRandom(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe('a histogram', () => {
  for (const seed of [1, 2, 3, 4])
    it(`has quantiles to 1 %, of times from 1 ns to hours (${seed})`, () => {
      const random = pseudoRandom(seed);
      const histogram = new Histogram();
      const times = Array.from({ length: 999 }, () => Math.floor(Math.exp(random.next().value! * 30)));
      for (const time of times) histogram.add(time);
      times.sort((a, b) => a - b);
      for (const share of [0, 0.01, 0.5, 0.9, 0.99, 1]) {
        const exact = times[Math.max(0, Math.ceil(share * times.length) - 1)]!;
        const found = histogram.quantile(share)!;
        assert.ok(Math.abs(found - exact) <= exact * 0.01, `${share}: ${found}, exactly ${exact}`);
      }
    });

  it('without times has no quantile', () => {
    assert.equal(new Histogram().quantile(0.5), undefined);
  });

  it('holds few buckets for many times', () => {
    const histogram = new Histogram();
    for (let ns = 0; ns < 1_000_000; ns += 7) histogram.add(ns);
    const [octaves = []] = Object.values(histogram).filter(Array.isArray);
    assert.ok(octaves.length <= 20, `${octaves.length} octaves`);
  });
});

describe('a duration', () => {
  for (const [ns, text] of [
    [0, '0 ns'],
    [850, '850 ns'],
    [3100, '3.1 µs'],
    [9960, '10 µs'],
    [44_000, '44 µs'],
    [999_400, '999 µs'],
    [999_600, '1.0 ms'],
    [12_000_000, '12 ms'],
    [2.5e9, '2.5 s'],
  ] as const)
    it(`of ${ns} ns reads ${text}`, () => assert.equal(durationText(ns), text));
});
