/** Values that are forgotten some time later. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generations } from '../../../src/journey/generations.js';

test('a value is kept for its time, and gone after twice that', () => {
  const values = new Generations<number>(10, 100);
  assert.ok(values.isEmpty);
  values.passed(1000);
  values.add('a', 1);
  values.passed(1009);
  values.add('a', 2);
  values.passed(1010);
  values.add('a', 3);
  assert.deepEqual(values.find('a'), [1, 2, 3]);
  values.passed(1020);
  assert.deepEqual(values.find('a'), [3]);
  values.passed(1030);
  assert.ok(values.isEmpty);
  assert.equal(values.forgotten, 0);
});

test('where there are too many, the oldest go early, and are counted', () => {
  const values = new Generations<number>(10, 2);
  for (const value of [1, 2, 3, 4]) values.add('a', value);
  assert.deepEqual(values.find('a'), [1, 2, 3, 4]);
  values.add('b', 5);
  assert.deepEqual([values.find('a'), values.find('b'), values.forgotten], [[3, 4], [5], 2]);
});
