import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Capability,
  capabilityNumber,
  effectiveCapabilities,
  possibleCpus,
} from '../../../src/system/kernel.js';

test('one ring a possible CPU, numbered to the last one', () => {
  for (const [text, cpus] of [
    ['0', 1],
    ['0-3\n', 4],
    ['0,2-3\n', 4],
    ['0-1,8\n', 9],
    ['0-127', 128],
  ] as const)
    assert.equal(possibleCpus(text), cpus, text);
});

const status = (mask: string): string =>
  `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${mask}\nCapBnd:\t0\n`;

test('effective capabilities by name', () => {
  assert.deepEqual(effectiveCapabilities(status('0000000000000000')), []);
  // linux/capability.h
  const bits = {
    ...{ DAC_READ_SEARCH: 2, NET_ADMIN: 12, NET_RAW: 13, SYS_PTRACE: 19, SYS_ADMIN: 21 },
    ...{ SYS_RESOURCE: 24, SYSLOG: 34, PERFMON: 38, BPF: 39 },
  };
  const all = Object.keys(bits).map((name) => `CAP_${name}`);
  assert.deepEqual(effectiveCapabilities(status('000001ffffffffff')), all);
  for (const [name, bit] of Object.entries(bits)) {
    const mask = (1n << BigInt(bit)).toString(16).padStart(16, '0');
    assert.deepEqual(effectiveCapabilities(status(mask)), [`CAP_${name}`]);
    assert.equal(capabilityNumber(`CAP_${name}` as Capability), bit);
  }
  assert.deepEqual(effectiveCapabilities(''), []);
});
