import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { filesFor } from '../../kernels/guest-files.js';
import { kernelNames } from '../../kernels/kernels.js';

const all = readdirSync('test/kernels/guest')
  .filter((file) => file.endsWith('.guest.ts'))
  .map((file) => file.slice(0, -'.guest.ts'.length));

test('everything runs in the oldest kernel where nothing is locked down, but what it cannot list', () =>
  assert.deepEqual(
    filesFor({ kernel: '5.10', lockdown: 'none' }, all),
    all.filter((name) => name !== 'owners').sort(),
  ));

test('under lockdown only what it changes', () => {
  const files = (lockdown: 'integrity' | 'confidentiality') => filesFor({ kernel: '6.12', lockdown }, all);
  assert.deepEqual(files('integrity'), ['choice', 'differential']);
  assert.deepEqual(files('confidentiality'), ['armed', 'choice', 'differential', 'ladder']);
});

test('what needs many commands runs in few kernels', () => {
  const kernels = (file: string) =>
    kernelNames.filter((kernel) => filesFor({ kernel, lockdown: 'none' }, all).includes(file));
  assert.deepEqual(kernels('upper-devices'), ['5.10', '6.12']);
  assert.deepEqual(kernels('hardship'), ['5.10', 'newest']);
  assert.deepEqual(kernels('owners'), ['6.12', 'newest']);
  assert.deepEqual(kernels('hooks'), kernelNames);
});
