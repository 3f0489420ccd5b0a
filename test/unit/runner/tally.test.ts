import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../runner/tally.js';

const allowed = [{ name: /VLAN devices/, reason: /^none here/, why: 'kernels without CONFIG_VLAN_8021Q' }];
const closing = (tally: Tally): string | undefined => tally.closingLines().at(-1);
const failure = (failureType: string) => ({ error: Object.assign(new Error('x'), { failureType }) });

test('tests count, suites do not, and a parent test is a test', () => {
  const tally = new Tally([], false);
  tally.add('pass', { name: 'a', file: 'f' });
  tally.add('pass', { name: 'parent', file: 'f' });
  tally.add('pass', { name: 'suite', file: 'f', details: { type: 'suite' } });
  tally.add('fail', { name: 'b', file: 'f', details: failure('testCodeFailure') });
  tally.add('fail', { name: 'suite', file: 'f', details: { type: 'suite', ...failure('subtestsFailed') } });
  assert.equal(closing(tally), '2 passed, 1 failed, 0 skipped');
});

test('a hook that fails is a failure of its own', () => {
  const tally = new Tally([], false);
  tally.add('fail', { name: 'suite', file: 'f', details: { type: 'suite', ...failure('hookFailed') } });
  assert.equal(closing(tally), '0 passed, 1 failed, 0 skipped');
});

test('a file in which no test ran is a failure', () => {
  const tally = new Tally([], false);
  tally.add('pass', { name: '/x/empty.test.js', file: '/x/empty.test.js' });
  tally.add('fail', {
    name: '/x/crash.test.js',
    file: '/x/crash.test.js',
    details: failure('testCodeFailure'),
  });
  assert.deepEqual(tally.closingLines(), [
    'FAILED: /x/empty.test.js: ended without having run a test',
    '0 passed, 2 failed, 0 skipped',
  ]);
});

test('skips are listed with their reasons; a skipped suite and a to-do are skips', () => {
  const tally = new Tally(allowed, false);
  tally.add('pass', { name: 'a', skip: 'no root' });
  tally.add('pass', { name: 'b', skip: true });
  tally.add('pass', { name: 'c', skip: '' });
  tally.add('pass', { name: 'suite', skip: 'no tcpdump', details: { type: 'suite' } });
  tally.add('fail', { name: 'd', todo: 'later', details: failure('testCodeFailure') });
  tally.add('pass', { name: 'VLAN devices', skip: 'none here' });
  assert.deepEqual(tally.closingLines(), [
    'skipped: a: no root',
    'skipped: b: no reason given',
    'skipped: c: no reason given',
    'skipped: suite: no tcpdump',
    'skipped: d: to do: later',
    'skipped: VLAN devices: none here (allowed: kernels without CONFIG_VLAN_8021Q)',
    '0 passed, 0 failed, 6 skipped',
  ]);
  assert.equal(tally.failed, 0);
});

test('in CI only listed skips are skips', () => {
  const tally = new Tally(allowed, true);
  tally.add('pass', { name: 'a', skip: 'no root' });
  tally.add('pass', { name: 'VLAN devices', skip: 'none here' });
  tally.add('pass', { name: 'VLAN devices', skip: 'no root' });
  assert.deepEqual(tally.closingLines(), [
    'FAILED: a: skipped, which CI does not allow (no root)',
    'FAILED: VLAN devices: skipped, which CI does not allow (no root)',
    'skipped: VLAN devices: none here (allowed: kernels without CONFIG_VLAN_8021Q)',
    '0 passed, 2 failed, 1 skipped',
  ]);
});
