import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissingError } from '../../../src/errors.js';
import type { TraceOptions } from '../../../src/trace/options.js';
import { checkRights, missingCapabilities } from '../../../src/trace/rights.js';

const plain = { arm: false, otherNetns: false };

test('tracing needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN in their stead', () => {
  assert.deepEqual(missingCapabilities([], plain), ['CAP_BPF', 'CAP_PERFMON']);
  assert.deepEqual(missingCapabilities(['CAP_BPF'], plain), ['CAP_PERFMON']);
  assert.deepEqual(missingCapabilities(['CAP_BPF', 'CAP_PERFMON'], plain), []);
  assert.deepEqual(missingCapabilities(['CAP_SYS_ADMIN'], plain), []);
});

test('packet sockets and other namespaces need more', () => {
  assert.deepEqual(missingCapabilities(['CAP_SYS_ADMIN'], { ...plain, arm: true }), ['CAP_NET_RAW']);
  assert.deepEqual(missingCapabilities(['CAP_BPF', 'CAP_PERFMON'], { ...plain, otherNetns: true }), [
    'CAP_SYS_ADMIN',
  ]);
});

const options: TraceOptions = {
  ...{ stages: [], interfaces: [], netns: [], snaplen: 256, ringBytes: 4096, mechanisms: new Map() },
  ...{ arm: false, observeOnly: false, stacks: false, failOnLoss: false, lineBuffered: false },
};

test('what is missing is named, with exit code 3', () => {
  const refusal = (held: string[], changes: Partial<TraceOptions> = {}): MissingError => {
    try {
      checkRights(held, { ...options, ...changes });
    } catch (error) {
      assert.ok(error instanceof MissingError);
      assert.equal(error.exitCode, 3);
      return error;
    }
    return assert.fail('not refused');
  };
  assert.match(refusal([]).message, /capabilities CAP_BPF, CAP_PERFMON,/);
  assert.match(refusal(['CAP_SYS_ADMIN'], { arm: true }).message, /CAP_NET_RAW,/);
  assert.match(refusal(['CAP_BPF', 'CAP_PERFMON'], { netns: ['blue'] }).message, /CAP_SYS_ADMIN/);
  const forced = { mechanisms: new Map([['rx-tap', 'packet_socket']] as const) };
  assert.match(refusal(['CAP_SYS_ADMIN'], forced).message, /CAP_NET_RAW/);
});

test('enough rights pass', () => {
  checkRights(['CAP_BPF', 'CAP_PERFMON'], options);
  checkRights(['CAP_SYS_ADMIN', 'CAP_NET_RAW'], { ...options, arm: true, netns: ['all'] });
});
