import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { elapsed, WallClock } from '../../../src/render/time.js';

const second = 1_000_000_000n;
const words = (ns: bigint): [number, number] => [Number(ns >> 32n), Number(ns & 0xffffffffn)];
const digits = (value: bigint, count: number): string => value.toString().padStart(count, '0');

const bootNs = fc.bigInt({ min: 0n, max: 90n * 86_400n * second });
const wallNs = fc.bigInt({ min: second, max: 4_000_000_000n * second });

test('every time is exact to the nanosecond, before the base and behind it', () => {
  fc.assert(
    fc.property(wallNs, bootNs, bootNs, (offset, base, at) => {
      const wall = at + offset;
      const clock = new WallClock(offset, base).read(...words(at));
      assert.equal(clock.seconds, Number(wall / second));
      assert.equal(clock.nanos, Number(wall % second));
      assert.equal(clock.epoch(), `${wall / second}.${digits((wall % second) / 1000n, 6)}`);
      const iso = new Date(Number(wall / 1_000_000n)).toISOString();
      assert.equal(clock.isoSecond(), iso.slice(0, 20));
    }),
  );
});

test('the text of one second is not taken for that of another', () => {
  const clock = new WallClock(0n, 0n);
  const at = (ns: bigint): string => clock.read(...words(ns)).isoSecond();
  assert.equal(at(5n * second + 1n), '1970-01-01T00:00:05.');
  assert.equal(at(6n * second - 1n), '1970-01-01T00:00:05.');
  assert.equal(at(6n * second), '1970-01-01T00:00:06.');
  assert.equal(at(5n * second), '1970-01-01T00:00:05.');
});

test('local time follows the time zone, summer time included', () => {
  process.env.TZ = 'Europe/Berlin';
  const bootMs = Date.parse('2026-01-01T00:00:00Z');
  const clock = new WallClock(BigInt(bootMs) * 1_000_000n, 0n);
  const at = (iso: string): string => {
    clock.read(...words(BigInt(Date.parse(iso) - bootMs) * 1_000_000n + 999n));
    return `${clock.localDate()} ${clock.timeOfDay()}`;
  };
  assert.equal(at('2026-01-31T23:30:00.000Z'), '2026-02-01 00:30:00.000000');
  assert.equal(at('2026-03-29T00:59:59.999Z'), '2026-03-29 01:59:59.999000');
  assert.equal(at('2026-03-29T01:00:00.000Z'), '2026-03-29 03:00:00.000000');
});

test('spans: sign, hours that do not end at a day, microseconds cut and not rounded', () => {
  assert.equal(elapsed(0, 0), ' 00:00:00.000000');
  assert.equal(elapsed(0, 1999), ' 00:00:00.000001');
  assert.equal(elapsed(0, 999_999_999), ' 00:00:00.999999');
  assert.equal(elapsed(1, -1000), ' 00:00:00.999999');
  assert.equal(elapsed(-1, 0), '-00:00:01.000000');
  assert.equal(elapsed(-1, 999_000_000), '-00:00:00.001000');
  assert.equal(elapsed(3661, 5000), ' 01:01:01.000005');
  assert.equal(elapsed(90_000, 0), ' 25:00:00.000000');
});
