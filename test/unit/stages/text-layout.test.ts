import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clipLines, fitList, wrapText } from '../../../src/render/text-layout.js';

test('text is wrapped at words, whatever white space lies between them', () => {
  assert.deepEqual(wrapText('one two\nthree  four', 9), ['one two', 'three', 'four']);
  assert.deepEqual(wrapText('a verylongword b', 5), ['a', 'verylongword', 'b']);
  assert.deepEqual(wrapText('  ', 5), []);
});

test('clipped lines say that there was more, within the width', () => {
  assert.deepEqual(clipLines(['one', 'two'], 2, 5), ['one', 'two']);
  assert.deepEqual(clipLines(['alpha', 'beta', 'gamma'], 1, 5), ['alph…']);
  assert.deepEqual(clipLines(['al', 'beta'], 1, 5), ['al…']);
});

test('a list shows what fits and an ellipsis for the others', () => {
  assert.equal(fitList(['aa', 'bb', 'cc'], 10), 'aa, bb, cc');
  assert.equal(fitList(['aa', 'bb', 'cc'], 9), 'aa, bb, …');
  assert.equal(fitList(['aa', 'bb', 'cc'], 8), 'aa, …');
  assert.equal(fitList(['aa', 'bb'], 3), 'aa, …');
  assert.equal(fitList(['aa'], 1), 'aa');
});
