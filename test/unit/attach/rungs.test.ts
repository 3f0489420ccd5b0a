import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSymbol } from '../../../src/attach/rungs.js';
import { v612 } from './kernels.js';

const resolve = (...symbols: string[]) => resolveSymbol('f', { ...v612, symbols: { f: symbols } });

test('the plain symbol is taken, whatever pieces lie beside it', () => {
  assert.equal(resolve('f').symbol, 'f');
  assert.equal(resolve('f.cold', 'f.constprop.0', 'f').symbol, 'f');
});

test('else a single .constprop.N or .isra.N', () => {
  assert.equal(resolve('f.constprop.0').symbol, 'f.constprop.0');
  assert.equal(resolve('f.cold', 'f.isra.12').symbol, 'f.isra.12');
});

test('never a piece that not every packet passes', () => {
  for (const piece of ['f.cold', 'f.part.0', 'f.constprop.0.cold', 'f.isra.0.part.1', 'f.llvm.123']) {
    const { symbol, reason } = resolve(piece);
    assert.equal(symbol, undefined, piece);
    assert.equal(reason, `only pieces of it have symbols: ${piece}`);
  }
});

test('two that would fit are no choice, and both are named', () => {
  const { symbol, reason } = resolve('f.constprop.0', 'f.constprop.1');
  assert.equal(symbol, undefined);
  assert.equal(reason, 'several symbols fit: f.constprop.0, f.constprop.1');
});

test('no symbol at all', () => {
  assert.deepEqual(resolve(), { reason: 'no such symbol' });
  assert.deepEqual(resolveSymbol('unheard_of', v612), { reason: 'no such symbol' });
});
