import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { filesFor } from '../../kernels/guest-files.js';

const all = readdirSync('test/kernels/guest')
  .filter((file) => file.endsWith('.guest.ts'))
  .map((file) => file.slice(0, -'.guest.ts'.length));

test('everything runs where nothing is locked down', () =>
  assert.deepEqual(filesFor('none', all), [...all].sort()));

test('under lockdown only what it changes', () => {
  for (const lockdown of ['integrity', 'confidentiality'] as const)
    assert.deepEqual(filesFor(lockdown, all), ['armed', 'choice', 'differential', 'hardship', 'ladder']);
});
