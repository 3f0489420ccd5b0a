import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TapSession } from '../../../src/attach/session.js';
import { SymbolTable } from '../../../src/system/symbols.js';
import { Devices } from '../../../src/trace/devices.js';
import { KernelNames } from '../../../src/trace/kernel-names.js';
import { TraceNames } from '../../../src/trace/names.js';
import { here, ifindexes, linksReply, machine } from '../support/machine.js';
import { recordView } from '../support/records.js';

const kallsyms = `ffffffff81001000 T ip_rcv
ffffffff81002000 t bpf_prog_0123456789abcdef_skb_arg0\t[bpf]
ffffffff81003000 t bpf_trace_run1
ffffffff81004000 T __traceiter_netif_receive_skb
ffffffff81005000 t __netif_receive_skb_core.constprop.0
ffffffff81006000 T process_backlog
`;

const stacks: Readonly<Record<number, bigint[]>> = {
  1: [
    0xffffffff81002010n,
    0xffffffff81003010n,
    0xffffffff81004010n,
    0xffffffff81005010n,
    0xffffffff81006010n,
  ],
  2: [0xffffffff81002010n],
  3: [],
  4: [0xffffffff81005010n, 0xffffffff81003010n],
};

const reasons = {
  SKB_NOT_DROPPED_YET: 0,
  SKB_CONSUMED: 1,
  SKB_DROP_REASON_NOT_SPECIFIED: 2,
  SKB_DROP_REASON_MAX: 99,
};

const native = machine({
  btfEnum: () => ({ ...reasons, SKB_DROP_REASON_SUBSYS_MASK: 0xffff0000 }),
});
const session = { stack: (id: number) => stacks[id] } as unknown as TapSession;
const symbols = SymbolTable.parse(kallsyms);
const namesOf = (devices: Devices) =>
  new TraceNames(new KernelNames(native, session, devices, symbols), { wallOffsetNs: 0n, bootNs: 0n });
const names = namesOf(new Devices(native, [here], []));

test('drop reasons without their prefix; those this kernel has no name for by number', () => {
  assert.equal(names.dropReason(2), 'NOT_SPECIFIED');
  assert.equal(names.dropReason(1), 'CONSUMED');
  assert.equal(names.dropReason(0), 'NOT_DROPPED_YET');
  assert.equal(names.dropReason(99), 'reason 99');
  assert.equal(names.dropReason(0x30001), 'reason 0x30001');
});

test('a stack begins with the function that was watched: our own frames are left out', () => {
  assert.deepEqual(names.stack(1), ['__netif_receive_skb_core.constprop.0+0x10', 'process_backlog+0x10']);
  assert.deepEqual(names.stack(4), ['__netif_receive_skb_core.constprop.0+0x10', 'bpf_trace_run1+0x10']);
  assert.deepEqual(names.stack(3), []);
});

test('a stack of nothing but our own frames is shown as it is', () => {
  assert.deepEqual(names.stack(2), ['bpf_prog_0123456789abcdef_skb_arg0 [bpf]+0x10']);
});

test('devices by name; unknown ones by number for people, until they are known', () => {
  assert.equal(names.deviceName(here.inum, ifindexes.mv0), 'mv0');
  assert.equal(names.deviceLabel(here.inum, ifindexes.mv0), 'mv0');
  let reply = linksReply([ifindexes.mv0]);
  const devices = new Devices(machine({ netlink: () => reply }), [here], []);
  const early = namesOf(devices);
  assert.equal(early.deviceName(here.inum, ifindexes.mv0), undefined);
  assert.equal(early.deviceLabel(here.inum, ifindexes.mv0), 'if7');
  reply = linksReply();
  devices.refresh();
  assert.equal(early.deviceName(here.inum, ifindexes.mv0), 'mv0');
  assert.equal(early.deviceLabel(here.inum, ifindexes.mv0), 'mv0');
});

test('task names cannot drive a terminal', () => {
  const name = (comm: string | Uint8Array): string => names.comm(recordView({ comm }));
  assert.equal(name('ping'), 'ping');
  assert.equal(name('a"b\\c'), 'a"b\\c');
  assert.equal(name('\u001b[2J\u009bm'), '\\x1b[2J\\x9bm');
  assert.equal(name(Uint8Array.of(0x61, 0xff, 0xfe)), 'a\ufffd\ufffd');
});

test('thousands of task names are told apart', () => {
  for (let at = 0; at < 3000; at += 1)
    assert.equal(names.comm(recordView({ comm: `task-${at}` })), `task-${at}`);
});
