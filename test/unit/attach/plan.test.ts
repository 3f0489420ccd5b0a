/** Which rung each kernel gets, and why better ones were passed over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelFeatures } from '../../../src/attach/features.js';
import { stageById } from '../../../src/stages/lookup.js';
import type { StageWatch } from '../../../src/stages/report.js';
import type { Mechanism, StageId } from '../../../src/stages/types.js';
import { confidential, confidential510, v510, v612, v618, withoutBtf, withoutSymbols } from './kernels.js';
import { constantsOf, outline, plan } from './requests.js';

const inferred = '+ inferred dev_hard_start_xmit tp_btf-kfunc/skb_arg0_dev_arg1';

const tracepoint = 'tp_btf __netif_receive_skb_core.constprop.0 tp_btf-kfunc/skb_arg0';
const kprobe = 'kprobe __netif_receive_skb_core.constprop.0 kprobe-probe/skbpp_arg0';

test('6.12: a suffixed symbol rules out fentry and gets a kprobe, a plain one gets fentry', () => {
  const taps = plan('taps', v612);
  assert.deepEqual(outline(taps, 'rx-tap'), [kprobe, `+ ${tracepoint}`]);
  assert.equal(taps.attachments[0]?.program?.kprobeSymbol, '__netif_receive_skb_core.constprop.0');
  assert.deepEqual(taps.watches[0]?.passedOver, [
    {
      mechanism: 'fentry',
      target: '__netif_receive_skb_core',
      reason:
        'the symbol is __netif_receive_skb_core.constprop.0, which BTF does not describe and fentry cannot attach to',
    },
  ]);
  assert.deepEqual(outline(taps, 'tx-tap'), [
    'fentry dev_queue_xmit_nit fentry-probe/skb_arg0_dev_arg1',
    inferred,
  ]);
});

test('a kprobe needs no BTF of its function: older pahole leaves those with a suffix out', () => {
  const functions = { ...v612.functions, __netif_receive_skb_core: null };
  assert.deepEqual(outline(plan('rx-tap', { ...v612, functions }), 'rx-tap'), [kprobe, `+ ${tracepoint}`]);
});

test('where the tracepoint is missing nothing stands behind the kprobe', () => {
  const tracepoints = { ...v612.tracepoints, netif_receive_skb: null };
  const taps = plan('rx-tap', { ...v612, tracepoints });
  assert.deepEqual(outline(taps, 'rx-tap'), [kprobe]);
  assert.equal(taps.attachments[0]?.covered, false);
});

test('5.10: plain symbols get fentry, and nothing needs kfuncs', () => {
  const taps = plan('taps,drop', v510);
  assert.deepEqual(outline(taps, 'rx-tap'), [
    'fentry __netif_receive_skb_core fentry-probe/skbpp_arg0',
    '+ tp_btf __netif_receive_skb_core tp_btf-probe/skb_arg0',
  ]);
  assert.deepEqual(outline(taps, 'tx-tap'), [
    'fentry dev_queue_xmit_nit fentry-probe/skb_arg0_dev_arg1',
    inferred.replace('kfunc', 'probe'),
  ]);
  assert.deepEqual(outline(taps, 'drop'), ['tp_btf kfree_skb tp_btf-probe/kfree_skb']);
});

test('6.18 without kprobes and fentry: the tracepoints, with the symbol they fire in', () => {
  const taps = plan('taps', v618);
  assert.deepEqual(outline(taps, 'rx-tap'), [tracepoint]);
  assert.deepEqual(outline(taps, 'tx-tap'), [inferred.slice(2)]);
  assert.deepEqual(
    taps.watches[1]?.passedOver.map(({ mechanism, reason }) => `${mechanism}: ${reason}`),
    [
      'fentry: this kernel refuses fentry programs (EPERM)',
      'kprobe: kprobes are not compiled into this kernel (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)',
      'packet_socket: would arm the devices: only with --arm',
    ],
  );
});

test('lockdown=confidentiality: no program with probe reads, and those that see packet bytes first', () => {
  const taps = plan('taps,drop', confidential);
  assert.deepEqual(outline(taps, 'rx-tap'), [tracepoint]);
  assert.deepEqual(outline(taps, 'tx-tap'), [inferred.slice(2)]);
  assert.deepEqual(
    taps.watches[1]?.passedOver.map(({ mechanism, reason }) => `${mechanism}: ${reason}`),
    [
      'fentry: lockdown=confidentiality keeps the bytes of packets from it',
      'kprobe: lockdown=confidentiality forbids reading kernel memory',
      'packet_socket: would arm the devices: only with --arm',
    ],
  );
  assert.deepEqual(outline(taps, 'drop'), ['tp_btf kfree_skb tp_btf-kfunc/kfree_skb']);
  assert.ok(taps.attachments.every(({ seesBytes }) => seesBytes));
});

test('lockdown=confidentiality without kfuncs: packets without their bytes, and with --arm with them', () => {
  const taps = plan('taps', confidential510);
  assert.deepEqual(outline(taps, 'rx-tap'), ['tp_btf __netif_receive_skb_core tp_btf-direct/skb_arg0']);
  assert.deepEqual(outline(taps, 'tx-tap'), [
    'fentry dev_queue_xmit_nit fentry-direct/skb_arg0_dev_arg1',
    inferred.replace('kfunc', 'direct'),
  ]);
  assert.ok(taps.attachments.every(({ seesBytes }) => !seesBytes));
  assert.match(taps.watches[0]?.reason ?? '', /keeps the bytes of packets from it/);
  const armed = plan('taps', confidential510, { arm: true });
  assert.equal(armed.attachments[0]?.program?.object, 'packet_socket-context');
  assert.equal(armed.attachments[0]?.seesBytes, true);
});

test('rights: each mechanism names the capabilities that it lacks; a packet socket needs no CAP_PERFMON', () => {
  const rights = (...capabilities: string[]) => ({ ...v612, capabilities });
  const [rx, tx] = plan('taps', rights('CAP_BPF', 'CAP_NET_RAW')).watches;
  for (const watch of [rx, tx]) {
    assert.equal(watch?.mechanism, undefined);
    assert.match(watch?.reason ?? '', /tp_btf|inferred/);
    assert.match(watch?.reason ?? '', /needs CAP_PERFMON, which this process does not have/);
  }
  const armed = plan('taps', rights('CAP_BPF', 'CAP_NET_RAW'), { arm: true });
  assert.deepEqual(outline(armed, 'rx-tap'), ['packet_socket packet_rcv packet_socket-context/tap']);
  assert.match(
    plan('taps', rights('CAP_BPF'), { arm: true }).watches[0]?.reason ?? '',
    /packet_socket: needs CAP_NET_RAW, which/,
  );
  assert.equal(plan('taps', rights('CAP_SYS_ADMIN')).watches[0]?.mechanism, 'kprobe');
});

test('whether dev_queue_xmit_nit ran: it did for what sees it, not for what its watcher left', () => {
  const nit = (features: typeof v612, changes = {}) =>
    plan('tx-tap', features, changes).attachments.map((one) => constantsOf(one).nit);
  assert.deepEqual(nit(v612), [1, 2]);
  assert.deepEqual(nit(v618), [0]);
  assert.deepEqual(nit(v612, { arm: true }), [1, 0]);
});

test('without BTF only a packet socket can watch, and every other stage says so', () => {
  const armed = plan('taps', withoutBtf, { arm: true });
  assert.deepEqual(outline(armed, 'rx-tap'), ['packet_socket packet_rcv packet_socket-context/tap']);
  const { attachments, watches } = plan('taps,netif-rx,dev-queue,start-xmit,drop,consume', withoutBtf);
  assert.deepEqual(attachments, []);
  assert.equal(watches.length, 7);
  for (const { stage, mechanism, reason } of watches) {
    assert.equal(mechanism, undefined, stage);
    assert.match(reason, /BTF/, stage);
  }
});

test('without symbols the functions are out of reach, the tracepoints are not', () => {
  const taps = plan('taps', withoutSymbols);
  assert.deepEqual(outline(taps, 'rx-tap'), ['tp_btf __netif_receive_skb_core tp_btf-kfunc/skb_arg0']);
  assert.deepEqual(outline(taps, 'tx-tap'), [inferred.slice(2)]);
});

test('a function that takes its packet in another way is left alone', () => {
  const functions = { ...v510.functions, __netif_receive_skb_core: [{ type: 'sk_buff', pointerDepth: 1 }] };
  const { watches } = plan('rx-tap', { ...v510, functions });
  assert.equal(watches[0]?.mechanism, 'tp_btf');
  assert.match(watches[0]?.passedOver[0]?.reason ?? '', /takes its packet in another way/);
});

test('a missing tracepoint leaves its stage unwatched', () => {
  const { watches } = plan('dev-queue', {
    ...v612,
    tracepoints: { ...v612.tracepoints, net_dev_queue: null },
  });
  assert.match(watches[0]?.reason ?? '', /this kernel has no tracepoint net_dev_queue/);
});

const noFexit: KernelFeatures = {
  ...v612,
  refusals: [{ mechanism: 'fexit', reason: 'this kernel refuses fentry programs (EPERM)' }],
};

test('xdp: by the return of the program where that can be had, else what drivers count', () => {
  assert.deepEqual(outline(plan('xdp', v612), 'xdp'), ['fexit bpf_prog_run_xdp xdp-probe/verdict']);
  const counted = (features: KernelFeatures, why: RegExp) => {
    const { attachments, watches } = plan('xdp', features);
    assert.deepEqual(attachments, []);
    const { mechanism, observed, passedOver } = watches[0]!;
    assert.deepEqual([mechanism, observed], ['counted', true]);
    assert.match(passedOver[0]!.reason, why);
  };
  counted({ ...v612, capabilities: ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN'] }, /needs CAP_SYS_ADMIN/);
  counted({ ...v612, lockdown: 'confidentiality' }, /lockdown=confidentiality/);
  counted(noFexit, /refuses fentry programs/);
});

test('xdp: a mechanism that was asked for does not become another one', () => {
  const forced = (mechanism: Mechanism, features: KernelFeatures) =>
    plan('xdp', features, { mechanisms: new Map([['xdp', mechanism]]) }).watches[0]?.mechanism;
  assert.equal(forced('fexit', noFexit), undefined);
  assert.equal(forced('counted', v612), 'counted');
});

const reasonsOf = (watch: StageWatch | undefined) => watch?.passedOver.map(({ mechanism }) => mechanism);

test('a refusal strikes one access, then the mechanism, each for its stage only', () => {
  const refuse = (access: 'kfunc' | 'probe' | 'direct', stage: StageId) =>
    ({ mechanism: 'tp_btf', access, stage, reason: `EINVAL: no ${access}` }) as const;
  const chosen = (...refusals: ReturnType<typeof refuse>[]) =>
    plan('rx-tap,dev-queue', { ...v618, refusals: [...v618.refusals, ...refusals] });

  const once = chosen(refuse('kfunc', 'rx-tap'));
  assert.deepEqual(outline(once, 'rx-tap'), [
    'tp_btf __netif_receive_skb_core.constprop.0 tp_btf-probe/skb_arg0',
  ]);
  assert.deepEqual(outline(once, 'dev-queue'), ['tp_btf __dev_queue_xmit tp_btf-kfunc/skb_arg0']);

  const gone = chosen(refuse('kfunc', 'rx-tap'), refuse('probe', 'rx-tap'), refuse('direct', 'rx-tap'));
  assert.deepEqual(outline(gone, 'rx-tap'), []);
  assert.match(gone.watches[0]?.reason ?? '', /tp_btf: EINVAL: no kfunc/);
  assert.deepEqual(reasonsOf(gone.watches[0]), ['fentry', 'kprobe', 'tp_btf', 'packet_socket']);
});

test('only what is better than the choice is told as passed over', () => {
  const { watches } = plan('taps', v510);
  assert.deepEqual(watches.map(reasonsOf), [[], []]);
});

test('a watch tells what its mechanism means', () => {
  const [rx, tx, drop] = plan('taps,drop', v510).watches;
  const remarkOf = (id: StageId, mechanism: string) =>
    stageById(id).ladder.find((rung) => rung.mechanism === mechanism)?.remark;
  assert.ok(remarkOf('rx-tap', 'fentry'));
  assert.equal(rx?.reason, remarkOf('rx-tap', 'fentry'));
  assert.equal(tx?.reason, remarkOf('tx-tap', 'fentry'));
  assert.equal(drop?.reason, 'The best way there is.');
});
