import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { filesFor } from '../../kernels/guest-files.js';
import { kernelNames } from '../../kernels/kernels.js';

const all = readdirSync('test/kernels/guest')
  .filter((file) => file.endsWith('.guest.ts'))
  .map((file) => file.slice(0, -'.guest.ts'.length));

test('everything runs where nothing is locked down', () =>
  assert.deepEqual(filesFor({ kernel: '6.12', lockdown: 'none' }, all), [...all].sort()));

test('under lockdown only what it changes', () => {
  for (const lockdown of ['integrity', 'confidentiality'] as const)
    assert.deepEqual(filesFor({ kernel: '6.12', lockdown }, all), [
      ...['armed', 'choice', 'differential', 'hardship', 'ladder'],
    ]);
});

test('what needs many commands runs in few kernels', () => {
  const kernels = (file: string) =>
    kernelNames.filter((kernel) => filesFor({ kernel, lockdown: 'none' }, all).includes(file));
  assert.deepEqual(kernels('upper-devices'), ['5.10', '6.12']);
  assert.deepEqual(kernels('hooks'), kernelNames);
});
