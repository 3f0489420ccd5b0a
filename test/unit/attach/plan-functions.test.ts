/** Rungs on kernel functions: several functions each, modules, and the one function of all netfilter hooks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelFeatures } from '../../../src/attach/features.js';
import type { BtfParameter } from '../../../src/native/binding.js';
import { v510, v612, v618 } from './kernels.js';
import { constantsOf, outline, plan } from './requests.js';

const pointer = (type: string, pointerDepth = 1): BtfParameter => ({ type, pointerDepth });

/** A kernel that has these functions too, in BTF and as symbols, unless something else is said. */
function withFunctions(
  kernel: KernelFeatures,
  parameters: readonly BtfParameter[],
  names: readonly string[],
  changes: Partial<KernelFeatures> = {},
): KernelFeatures {
  return {
    ...kernel,
    functions: { ...kernel.functions, ...Object.fromEntries(names.map((name) => [name, parameters])) },
    symbols: { ...kernel.symbols, ...Object.fromEntries(names.map((name) => [name, [name]])) },
    ...changes,
  };
}

const ipFunctions = ['ip_rcv_core', 'ip6_rcv_core', 'arp_rcv'];
const withIp = withFunctions(v612, [pointer('sk_buff')], ipFunctions);
const hooked = withFunctions(v612, [pointer('sk_buff'), pointer('nf_hook_state')], ['nf_hook_slow']);
const handlers = ['br_handle_frame', 'macvlan_handle_frame'];
const bridged = withFunctions(v612, [pointer('sk_buff', 2)], handlers, {
  modules: { br_handle_frame: 'bridge', macvlan_handle_frame: 'macvlan' },
});

const transport = ['tcp_v4_rcv', 'udp_rcv', 'icmp_rcv', 'tcp_v6_rcv', 'udpv6_rcv', 'icmpv6_rcv'];

test('l4-rcv by a cgroup program only where no function can be watched', () => {
  const fromFunctions = withFunctions(v612, [pointer('sk_buff')], transport);
  assert.equal(plan('l4-rcv', fromFunctions).watches[0]?.mechanism, 'fentry');
  const [watch] = plan('l4-rcv', v618).watches;
  assert.deepEqual([watch?.mechanism, watch?.observed], ['cgroup_skb', false]);
  assert.deepEqual(outline(plan('l4-rcv', v618), 'l4-rcv'), [
    'cgroup_skb __cgroup_bpf_run_filter_skb cgroup_skb-kfunc/take',
  ]);
  const without = (changes: Partial<KernelFeatures>, observeOnly = false) =>
    plan('l4-rcv', { ...v618, ...changes }, { observeOnly }).watches[0]?.reason ?? '';
  assert.match(without({}, true), /cgroup_skb: a cgroup program of ours would be a probe \(--observe\)/);
  assert.match(without({ cgroupPrograms: false }), /no cgroup programs \(CONFIG_CGROUP_BPF\)/);
  assert.match(without({ capabilities: ['CAP_BPF', 'CAP_PERFMON'] }), /cgroup_skb: needs CAP_NET_ADMIN/);
  assert.match(plan('l4-rcv', v510).watches[0]?.reason ?? '', /cannot read packets here \(since 6.4\)/);
});

test('a stage in several functions gets a program for each, under a number of its own', () => {
  const { attachments } = plan('ip-rcv', withIp);
  assert.deepEqual(
    attachments.map(({ attachId, target, complement, program }) => [
      attachId,
      target,
      complement,
      program?.name,
      program?.constants.attach_id,
    ]),
    ipFunctions.map((name, at) => [at, name, false, 'skb_arg0', at]),
  );
});

test('a function that the kernel does not have is left out, and said', () => {
  const symbols = { ...withIp.symbols, ip6_rcv_core: [] };
  const { attachments, watches } = plan('ip-rcv', { ...withIp, symbols });
  assert.deepEqual(
    attachments.map(({ target }) => target),
    ['ip_rcv_core', 'arp_rcv'],
  );
  assert.match(watches[0]!.reason, /Left out: ip6_rcv_core: no such symbol\.$/);
});

test('a way that misses a function which is there comes behind one that does not', () => {
  const symbols = { ...withIp.symbols, ip6_rcv_core: ['ip6_rcv_core.constprop.0'] };
  const { watches } = plan('ip-rcv', { ...withIp, symbols });
  assert.equal(watches[0]!.mechanism, 'kprobe');
  assert.match(watches[0]!.passedOver[0]!.reason, /only some of the packets: .*ip6_rcv_core\.constprop\.0/);
});

test('where kprobes are not to be had, some of the packets are better than none', () => {
  const symbols = { ...withIp.symbols, ip6_rcv_core: ['ip6_rcv_core.constprop.0'] };
  const { watches, attachments } = plan('ip-rcv', { ...withIp, symbols, kprobes: false });
  assert.equal(watches[0]!.mechanism, 'fentry');
  assert.equal(attachments.length, 2);
});

test('functions of modules: fentry by their BTF, which asks CAP_SYS_ADMIN; kprobe without', () => {
  const ofModules = plan('rx-handler', bridged);
  assert.deepEqual(outline(ofModules, 'rx-handler'), [
    'fentry br_handle_frame fentry-probe/skbpp_arg0',
    'fentry macvlan_handle_frame fentry-probe/skbpp_arg0',
  ]);
  const withoutAdmin = { ...bridged, capabilities: ['CAP_BPF', 'CAP_PERFMON'] };
  const { watches } = plan('rx-handler', withoutAdmin);
  assert.equal(watches[0]!.mechanism, 'kprobe');
  assert.match(
    watches[0]!.passedOver[0]!.reason,
    /br_handle_frame in the BTF of the module bridge needs CAP_SYS_ADMIN/,
  );
});

test('no module loaded: the reason names what is missing', () => {
  const { watches } = plan('rx-handler', v612);
  assert.equal(watches[0]!.mechanism, undefined);
  assert.match(watches[0]!.reason, /br_handle_frame: no such symbol; macvlan_handle_frame: no such symbol/);
});

test('one program for all netfilter stages, each with an attachment of its own', () => {
  const { attachments } = plan('nf-input,nf-output,nf-ingress', hooked, {
    mechanisms: new Map([
      ['nf-input', 'fexit'],
      ['nf-output', 'fexit'],
      ['nf-ingress', 'fexit'],
    ]),
  });
  const [ingress, input, output] = attachments;
  assert.equal(ingress?.program?.onReturn, 'hook_return');
  assert.deepEqual([input?.program, output?.program], [undefined, undefined]);
  const { hook_nf_ingress, hook_nf_input, hook_nf_output, hook_nf_forward, want_owner, frame_start } =
    constantsOf(ingress);
  assert.deepEqual(
    [hook_nf_ingress, hook_nf_input, hook_nf_output, hook_nf_forward],
    [6 * 0x1_0000, 10 * 0x1_0000 + 1, 15 * 0x1_0000 + 2, undefined],
  );
  assert.deepEqual([want_owner, frame_start], [1, 2]);
});

test('what refuses the program of all hooks rules it out for each of them', () => {
  const refusals = [{ mechanism: 'fexit', target: 'nf_hook_slow', access: 'probe', reason: 'no' }] as const;
  const { attachments } = plan('nf-ingress,nf-egress', { ...hooked, refusals });
  assert.deepEqual(
    attachments.map(({ mechanism, program }) => [mechanism, program?.name]),
    [
      ['kretprobe', 'hook_entry'],
      ['kretprobe', undefined],
    ],
  );
});

test('5.10 has no netfilter egress', () => {
  const old = withFunctions(v510, [pointer('sk_buff'), pointer('nf_hook_state')], ['nf_hook_slow']);
  assert.match(plan('nf-egress', old).watches[0]!.reason, /no netfilter egress hook \(since 5\.16\)/);
});

test('deliveries follow pointers by probe reads alone', () => {
  const taps = withFunctions(
    v612,
    [pointer('sk_buff'), pointer('net_device')],
    ['tpacket_rcv', 'packet_rcv'],
  );
  const { attachments } = plan('delivery', taps);
  assert.deepEqual(
    attachments.map(({ target, program }) => [target, program?.object, program?.name, program?.onReturn]),
    ['tpacket_rcv', 'packet_rcv'].map((name) => [name, 'fentry-probe', 'delivery_entry', 'delivery_return']),
  );
  const { watches } = plan('delivery', { ...taps, lockdown: 'confidentiality' });
  assert.equal(watches[0]!.mechanism, undefined);
  assert.match(watches[0]!.reason, /lockdown=confidentiality forbids reading kernel memory/);
});

test('where neither fentry nor kprobe is to be had, deliveries are told not to be', () => {
  const shape = [pointer('sk_buff'), pointer('net_device')];
  const { watches } = plan('delivery', withFunctions(v618, shape, ['tpacket_rcv', 'packet_rcv']));
  assert.equal(watches[0]!.mechanism, undefined);
  assert.match(watches[0]!.reason, /fentry: this kernel refuses fentry programs.*kprobe: kprobes are not/);
});
