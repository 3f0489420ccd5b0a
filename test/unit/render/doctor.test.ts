/** The doctor's report: what it says of a kernel with everything, and of one where much is missing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelFeatures } from '../../../src/attach/features.js';
import { tryStages } from '../../../src/attach/try.js';
import { type DoctorReport, doctorJson, doctorText, verdictOf } from '../../../src/render/doctor.js';
import { stages } from '../../../src/stages/table.js';
import type { Machine } from '../../../src/system/machine.js';
import { v612, v618, withoutBtf } from '../attach/kernels.js';
import { assertGolden } from '../stages/golden.js';
import { type Asked, kernelThatRefuses, nativeError } from '../support/kernel-that-refuses.js';

const plainMachine: Machine = {
  btf: { vmlinux: true, modules: 64 },
  sysctls: {
    'kernel.unprivileged_bpf_disabled': 2,
    'kernel.kptr_restrict': 1,
    'kernel.perf_event_paranoid': 3,
    'kernel.ftrace_enabled': 1,
    'kernel.bpf_stats_enabled': 0,
    'net.core.bpf_jit_enable': 1,
    'net.core.bpf_jit_harden': 0,
  },
  mounts: { tracefs: '/t', debugfs: '/d', bpf: '/b', securityfs: '/s', cgroup2: '/c' },
  memory: null,
  memlockBytes: null,
};

const poorMachine: Machine = {
  btf: { vmlinux: true, modules: 0 },
  sysctls: {
    'kernel.unprivileged_bpf_disabled': 0,
    'kernel.kptr_restrict': 2,
    'kernel.perf_event_paranoid': 3,
    'kernel.ftrace_enabled': null,
    'kernel.bpf_stats_enabled': 1,
    'net.core.bpf_jit_enable': 0,
    'net.core.bpf_jit_harden': 2,
  },
  mounts: { tracefs: null, debugfs: null, bpf: null, securityfs: null, cgroup2: null },
  memory: { bytes: 64 << 20, file: '/sys/fs/cgroup/a/memory.max' },
  memlockBytes: 8 << 20,
};

function reportOf(
  features: KernelFeatures,
  machine: Machine,
  changes: { arm?: boolean; below?: boolean } = {},
  refuse: (asked: Asked) => ReturnType<typeof nativeError> | undefined = () => undefined,
): DoctorReport {
  const { native } = kernelThatRefuses(refuse);
  const options = { arm: false, below: false, cpus: 1, ...changes };
  const trials = [...tryStages(native, stages, features, options)];
  return { features, machine, trials };
}

const onlySockets = ({ operation, target }: Asked) =>
  operation === 'load' && target !== undefined ? nativeError('load BPF program x', 'EINVAL') : undefined;

const few: KernelFeatures = { ...v618, kprobes: true, capabilities: ['CAP_BPF', 'CAP_PERFMON'] };
const none: KernelFeatures = { ...v618, capabilities: [] };

test('the text', () => {
  const reports: Record<string, DoctorReport> = {
    'a kernel with everything': reportOf(v612, plainMachine),
    'few rights, dear settings, little memory': reportOf(few, poorMachine),
    'no rights': reportOf(none, plainMachine),
    'nothing but packet sockets': reportOf(v618, plainMachine, {}, onlySockets),
  };
  const texts = Object.entries(reports).map(([name, report]) => {
    const text = doctorText(report, { verbose: false, width: 100 });
    for (const line of text.split('\n')) assert.ok(line.length <= 100, line);
    return `# ${name}\n${text}`;
  });
  texts.push(
    `# verbose\n${doctorText(reportOf(v618, plainMachine, { below: true }), { verbose: true, width: 100 })}`,
  );
  assertGolden('test/fixtures/render/doctor.txt', texts.join('\n'));
});

test('the verdict: passive, by a probe, or not at all and why', () => {
  assert.equal(verdictOf(reportOf(v612, plainMachine)).taps, 'passive');
  assert.deepEqual(verdictOf(reportOf(v618, plainMachine, {}, onlySockets)), {
    taps: 'arm',
    text: 'Both taps can be watched here, rx-tap and tx-tap only with --arm.',
  });
  assert.equal(verdictOf(reportOf(v618, plainMachine, { arm: true })).taps, 'arm');
  const { taps, text } = verdictOf(reportOf(none, plainMachine));
  assert.equal(taps, 'none');
  assert.match(text, /^rx-tap and tx-tap cannot be watched without CAP_BPF and CAP_PERFMON: /);
  const nothing = reportOf(v618, plainMachine, {}, ({ operation }) =>
    operation === 'load' ? nativeError('load BPF program x', 'EINVAL') : undefined,
  );
  assert.match(verdictOf(nothing).text, /^rx-tap and tx-tap cannot be watched here: .*EINVAL/);
  assert.equal(verdictOf(reportOf(withoutBtf, plainMachine)).taps === 'passive', false);
});

test('the JSON: every stage in path order, with its reasons', () => {
  const json = JSON.parse(JSON.stringify(doctorJson(reportOf(v618, plainMachine))));
  assert.deepEqual([json.type, json.schema, json.kernel], ['doctor', 1, '6.18.0']);
  assert.deepEqual(
    json.stages.map(({ stage }: { stage: string }) => stage),
    stages.map(({ id }) => id),
  );
  for (const { mechanism, target, observed, reason, passedOver } of json.stages) {
    assert.equal(typeof reason, 'string');
    assert.deepEqual(
      [typeof target, typeof observed],
      mechanism ? ['string', 'boolean'] : ['undefined', 'undefined'],
    );
    for (const entry of passedOver) assert.deepEqual(Object.keys(entry), ['mechanism', 'target', 'reason']);
  }
  assert.equal(json.verdict.taps, 'passive');
});

test('a capability that another one stands in for is not missing', () => {
  const names = (capabilities: readonly string[]) =>
    doctorJson(reportOf({ ...v618, capabilities }, plainMachine)).missingCapabilities.map(({ name }) => name);
  assert.ok(!names(['CAP_SYS_ADMIN']).includes('CAP_BPF'));
  assert.ok(names([]).includes('CAP_BPF'));
  assert.ok(!names([]).includes('CAP_SYS_RESOURCE'));
});
