import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MissingError } from '../../../src/errors.js';
import type { Mechanism, StageId } from '../../../src/stages/types.js';
import type { Capability } from '../../../src/system/kernel.js';
import {
  capabilitiesToKeep,
  checkBtf,
  checkRights,
  type LaterWork,
  missingCapabilities,
} from '../../../src/trace/rights.js';

const plain = { arm: false, netns: [] as string[], mechanisms: new Map<StageId, Mechanism>() };
const armed = { ...plain, arm: true };
const forced = { ...plain, mechanisms: new Map<StageId, Mechanism>([['rx-tap', 'packet_socket']]) };

test('tracing needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN in their stead', () => {
  assert.deepEqual(missingCapabilities([], plain), ['CAP_BPF', 'CAP_PERFMON']);
  assert.deepEqual(missingCapabilities(['CAP_BPF'], plain), ['CAP_PERFMON']);
  assert.deepEqual(missingCapabilities(['CAP_BPF', 'CAP_PERFMON'], plain), []);
  assert.deepEqual(missingCapabilities(['CAP_SYS_ADMIN'], plain), []);
});

test('packet sockets and other namespaces need more', () => {
  assert.deepEqual(missingCapabilities(['CAP_SYS_ADMIN'], armed), ['CAP_NET_RAW']);
  assert.deepEqual(missingCapabilities(['CAP_SYS_ADMIN'], forced), ['CAP_NET_RAW']);
  const other = { ...plain, netns: ['blue'] };
  assert.deepEqual(missingCapabilities(['CAP_BPF', 'CAP_PERFMON'], other), ['CAP_SYS_ADMIN']);
  assert.deepEqual(missingCapabilities(['CAP_BPF', 'CAP_PERFMON'], { ...plain, netns: ['self'] }), []);
});

function refusal(held: Capability[], asked = plain): MissingError {
  try {
    checkRights(held, asked);
  } catch (error) {
    assert.ok(error instanceof MissingError);
    assert.equal(error.exitCode, 3);
    return error;
  }
  return assert.fail('not refused');
}

test('without CAP_BPF nothing works: all that is missing is named, with what it is for', () => {
  assert.equal(
    refusal([], { ...armed, netns: ['all'] }).message,
    'tracing needs capabilities that this process does not have: CAP_BPF (to load BPF programs), ' +
      'CAP_PERFMON (to run them in kernel functions and tracepoints), CAP_NET_RAW (for the packet sockets of --arm), ' +
      'CAP_SYS_ADMIN (to enter the namespaces of --netns)',
  );
  assert.doesNotMatch(refusal(['CAP_PERFMON']).message, /PERFMON|NET_RAW|ADMIN/);
});

test('other namespaces cannot be entered without CAP_SYS_ADMIN', () => {
  const { message } = refusal(['CAP_BPF', 'CAP_PERFMON'], { ...plain, netns: ['blue'] });
  assert.match(message, /: CAP_SYS_ADMIN \(to enter the namespaces of --netns\)$/);
});

test('without CAP_PERFMON only packet sockets are left: said with what they need', () => {
  assert.match(refusal(['CAP_BPF']).message, /^passive tracing needs CAP_PERFMON /);
  assert.match(refusal(['CAP_BPF']).hint!, /^CAP_NET_RAW is enough for --arm/);
  assert.match(refusal(['CAP_BPF', 'CAP_NET_RAW']).hint!, /^--arm works with these rights/);
  checkRights(['CAP_BPF', 'CAP_NET_RAW'], armed);
  checkRights(['CAP_BPF', 'CAP_NET_RAW'], forced);
});

test('enough rights pass, and what a rung can tell is left to it', () => {
  checkRights(['CAP_BPF', 'CAP_PERFMON'], plain);
  checkRights(['CAP_BPF', 'CAP_PERFMON'], armed);
  checkRights(['CAP_SYS_ADMIN', 'CAP_NET_RAW'], { ...armed, netns: ['all'] });
});

test('without BTF only packet sockets are left', () => {
  assert.throws(() => checkBtf({ btf: false }, plain), /MissingError.*BTF.*\/sys\/kernel\/btf\/vmlinux/);
  checkBtf({ btf: true }, plain);
  checkBtf({ btf: false }, armed);
});

const nothing: LaterWork = {
  ...{
    armsDevices: false,
    entersNetns: false,
    looksAtProcesses: false,
    asksPacketSockets: false,
    searchesDirectories: false,
  },
  ...{ mapsNeedCapability: false, loadsPrograms: false, bracketsChains: false, listensToRules: false },
};
const everything: Capability[] = [
  ...(['CAP_DAC_READ_SEARCH', 'CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'] as const),
  ...(['CAP_SYS_RESOURCE', 'CAP_SYSLOG', 'CAP_PERFMON', 'CAP_BPF'] as const),
];
const keeps = (work: Partial<LaterWork>, held = everything): string[] =>
  capabilitiesToKeep(held, { ...nothing, ...work }).map(({ name }) => name);

test('a trace that only reads its rings keeps nothing', () => {
  assert.deepEqual(keeps({}), []);
});

test('each kind of later work keeps its own capability, with a reason', () => {
  assert.deepEqual(keeps({ armsDevices: true }), ['CAP_NET_RAW']);
  assert.deepEqual(keeps({ entersNetns: true }), ['CAP_SYS_ADMIN']);
  assert.deepEqual(keeps({ looksAtProcesses: true }), ['CAP_SYS_PTRACE']);
  assert.deepEqual(keeps({ searchesDirectories: true }), ['CAP_DAC_READ_SEARCH']);
  assert.deepEqual(keeps({ mapsNeedCapability: true }), ['CAP_BPF']);
  assert.deepEqual(keeps({ bracketsChains: true }), ['CAP_NET_ADMIN', 'CAP_BPF', 'CAP_PERFMON']);
  assert.deepEqual(keeps({ listensToRules: true }), ['CAP_NET_ADMIN']);
  assert.deepEqual(keeps({ loadsPrograms: true, mapsNeedCapability: true }), ['CAP_BPF']);
  const work = Object.fromEntries(Object.keys(nothing).map((key) => [key, true])) as unknown as LaterWork;
  for (const { reason } of capabilitiesToKeep(everything, work)) assert.match(reason, /^to /);
});

test('what is not held is not kept; CAP_SYS_ADMIN stands in for CAP_BPF', () => {
  assert.deepEqual(keeps({ armsDevices: true, looksAtProcesses: true }, ['CAP_BPF', 'CAP_NET_RAW']), [
    'CAP_NET_RAW',
  ]);
  assert.deepEqual(keeps({ mapsNeedCapability: true }, ['CAP_SYS_ADMIN']), ['CAP_SYS_ADMIN']);
});
