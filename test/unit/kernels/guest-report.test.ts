import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Ended, TestNames, toGuestTest } from '../../kernels/guest/report.js';
import { parseGuestLines } from '../../kernels/guest-lines.js';

function ended(changes: Partial<Ended> = {}, details: Partial<Ended['details']> = {}): Ended {
  return { name: 'a', nesting: 0, ...changes, details: { duration_ms: 1500, ...details } };
}

const failure = (failureType: string, cause?: Error) =>
  Object.assign(new Error('wrapped', { cause }), { failureType });

describe('a test in a guest', () => {
  const common = { type: 'test', name: 'a', seconds: 1.5 };

  it('passes', () => assert.deepEqual(toGuestTest(true, ended(), 'a'), { ...common, outcome: 'passed' }));
  it('is skipped with its reason', () =>
    assert.deepEqual(toGuestTest(true, ended({ skip: 'no kprobes' }), 'a'), {
      ...common,
      ...{ outcome: 'skipped', reason: 'no kprobes' },
    }));
  it('fails with what was thrown, not with what node:test wraps around it', () => {
    const error = failure('testCodeFailure', new Error('1 is not 2'));
    const line = toGuestTest(false, ended({}, { error }), 'a');
    assert.equal(line?.outcome, 'failed');
    assert.match(line?.error ?? '', /^Error: 1 is not 2\n/);
  });
  it('is no suite: that fails only by itself', () => {
    const suite = (error: unknown) => ended({}, { type: 'suite', error });
    assert.equal(toGuestTest(true, suite(undefined), 'a'), undefined);
    assert.equal(toGuestTest(false, suite(failure('subtestsFailed')), 'a'), undefined);
    assert.equal(toGuestTest(false, suite(failure('hookFailed')), 'a')?.outcome, 'failed');
  });
  it('fails for a file without tests', () =>
    assert.equal(toGuestTest(true, ended({ name: '/x.js', file: '/x.js' }), '/x.js')?.outcome, 'failed'));
});

describe('the name of a test', () => {
  it('has the suites around it', () => {
    const names = new TestNames();
    names.start({ name: 'outer', nesting: 0 });
    names.start({ name: 'inner', nesting: 1 });
    assert.equal(names.of({ name: 'test', nesting: 2 }), 'outer: inner: test');
    assert.equal(names.of({ name: 'beside', nesting: 1 }), 'outer: beside');
  });
});

describe('the lines of a guest', () => {
  it('are read without the one that is still being written', () => {
    const end = '{"type":"end"}\n';
    assert.deepEqual(parseGuestLines(`${end}{"type":"fa`), [{ type: 'end' }]);
    assert.deepEqual(parseGuestLines(''), []);
  });
});
