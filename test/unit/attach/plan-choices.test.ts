/** What the user can ask of the plan: --arm, --observe, --mechanism. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mechanism, StageId } from '../../../src/stages/types.js';
import { kernels, v510, v612, v618 } from './kernels.js';
import { constantsOf, outline, plan } from './requests.js';

const socket = 'packet_socket packet_rcv packet_socket-kfunc/tap';
const force = (stage: StageId, mechanism: Mechanism) => ({ mechanisms: new Map([[stage, mechanism]]) });

test('--arm puts the packet socket first, and keeps what covers devices without one', () => {
  const taps = plan('taps', v612, { arm: true });
  assert.deepEqual(outline(taps, 'rx-tap'), [
    socket,
    '+ tp_btf __netif_receive_skb_core.constprop.0 tp_btf-kfunc/skb_arg0',
  ]);
  assert.deepEqual(outline(taps, 'tx-tap'), [
    'packet_socket packet_rcv rides along',
    '+ inferred dev_hard_start_xmit tp_btf-kfunc/skb_arg0_dev_arg1',
  ]);
  assert.deepEqual(
    taps.watches.map(({ observed }) => observed),
    [false, false],
  );
});

test('an armed event is a probe, one of the complement is not', () => {
  for (const { mechanism, observed } of plan('taps,drop', v618, { arm: true }).attachments)
    assert.equal(observed, mechanism !== 'packet_socket');
});

test('--arm where the socket filter cannot know its packet: the program that knows its context alone', () => {
  const { kfuncs } = v612;
  for (const missing of ['bpf_rdonly_cast', 'bpf_cast_to_kern_ctx'] as const) {
    const taps = plan('taps', { ...v612, kfuncs: { ...kfuncs, [missing]: false } }, { arm: true });
    assert.equal(taps.attachments[0]?.program?.object, 'packet_socket-context');
    assert.equal(constantsOf(taps.attachments[0]).own_netns, 4026531840);
  }
});

test('--observe forbids the packet socket, even where it is the mechanism asked for', () => {
  for (const kernel of Object.values(kernels)) {
    const { attachments } = plan('all', kernel, { observeOnly: true });
    assert.ok(attachments.every(({ observed }) => observed));
  }
  const { attachments, watches } = plan('rx-tap', v612, {
    observeOnly: true,
    ...force('rx-tap', 'packet_socket'),
  });
  assert.deepEqual(attachments, []);
  assert.match(watches[0]?.reason ?? '', /would be a probe \(--observe\)/);
});

test('--mechanism takes that rung alone', () => {
  assert.deepEqual(outline(plan('rx-tap', v510, force('rx-tap', 'tp_btf')), 'rx-tap'), [
    'tp_btf __netif_receive_skb_core tp_btf-probe/skb_arg0',
  ]);
  assert.deepEqual(outline(plan('tx-tap', v612, force('tx-tap', 'kprobe')), 'tx-tap'), [
    'kprobe dev_queue_xmit_nit kprobe-probe/skb_arg0_dev_arg1',
  ]);
  assert.deepEqual(outline(plan('tx-tap', v612, force('tx-tap', 'inferred')), 'tx-tap'), [
    'inferred dev_hard_start_xmit tp_btf-kfunc/skb_arg0_dev_arg1',
  ]);
});

test('--mechanism on one stage leaves the others alone', () => {
  const taps = plan('taps', v612, force('rx-tap', 'tp_btf'));
  assert.equal(taps.watches[0]?.mechanism, 'tp_btf');
  assert.equal(taps.watches[1]?.mechanism, 'fentry');
});

test('a mechanism that does not work here is not replaced by another one', () => {
  const { attachments, watches } = plan('rx-tap', v618, force('rx-tap', 'kprobe'));
  assert.deepEqual(attachments, []);
  assert.match(watches[0]?.reason ?? '', /kprobes are not compiled into this kernel/);
});

test('the packet-socket program carries both directions, or tells which one is not wanted', () => {
  const [both, rides] = plan('taps', v618, { arm: true }).attachments.filter(
    (a) => a.mechanism === 'packet_socket',
  );
  assert.equal(rides?.program, undefined);
  const { attach_id, stage, attach_id_out, stage_out } = constantsOf(both);
  assert.deepEqual([attach_id, stage, attach_id_out, stage_out], [both?.attachId, 4, rides?.attachId, 23]);

  const none = 0xffff;
  const [rx] = plan('rx-tap', v618, { arm: true }).attachments;
  assert.deepEqual([constantsOf(rx).attach_id, constantsOf(rx).attach_id_out], [rx?.attachId, none]);
  const [tx] = plan('tx-tap', v618, { arm: true }).attachments;
  assert.deepEqual([constantsOf(tx).attach_id, constantsOf(tx).attach_id_out], [none, tx?.attachId]);
  assert.equal(constantsOf(tx).stage_out, 23);
});

test('kernel.ftrace_enabled=0: what would be attached and never run is passed over', () => {
  const { watches, attachments } = plan('taps', { ...v510, ftrace: false });
  assert.ok(attachments.every(({ mechanism }) => mechanism !== 'fentry' && mechanism !== 'kprobe'));
  for (const { passedOver } of watches)
    assert.match(
      passedOver.find(({ mechanism }) => mechanism === 'fentry')?.reason ?? '',
      /ftrace_enabled is 0/,
    );
});

test('a refusal strikes the rung it is about, and no other one of the same mechanism', () => {
  const reason = 'no';
  const refused = (refusal: object) =>
    plan('tx-tap', { ...v612, refusals: [{ mechanism: 'fentry', reason, ...refusal }] }).watches[0]
      ?.mechanism;
  assert.equal(refused({ target: 'dev_queue_xmit_nit' }), 'kprobe');
  assert.equal(refused({ target: 'some_other_function' }), 'fentry');
  assert.equal(refused({ stage: 'rx-tap' }), 'fentry');
  assert.equal(refused({}), 'kprobe');
});
