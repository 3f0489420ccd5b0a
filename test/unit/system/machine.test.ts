import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMounts, readMachine, sysctlNames } from '../../../src/system/machine.js';

test('mounts by file system; the last one hides those before it', () => {
  const text = [
    'sysfs /sys sysfs rw,nosuid 0 0',
    'tracefs /sys/kernel/tracing tracefs rw,nosuid 0 0',
    'tracefs /sys/kernel/debug/tracing tracefs rw,nosuid 0 0',
    'cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0',
    '',
  ].join('\n');
  assert.deepEqual(parseMounts(text), {
    tracefs: '/sys/kernel/debug/tracing',
    debugfs: null,
    bpf: null,
    securityfs: null,
    cgroup2: null,
  });
});

test('this machine: every setting is a number, or not known', () => {
  const { sysctls, memlockBytes } = readMachine({ memlockLimit: () => 65536 });
  assert.deepEqual(Object.keys(sysctls), [...sysctlNames]);
  for (const value of Object.values(sysctls)) assert.ok(value === null || Number.isInteger(value));
  assert.equal(memlockBytes, 65536);
});
