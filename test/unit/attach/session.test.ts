/** What a session does when the kernel turns programs down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RungRefused } from '../../../src/attach/refusal.js';
import { openSession } from '../../../src/attach/session.js';
import { MissingError } from '../../../src/errors.js';
import type { Asked } from '../support/kernel-that-refuses.js';
import { kernelThatRefuses, nativeError } from '../support/kernel-that-refuses.js';
import { v510, v612 } from './kernels.js';
import { request } from './requests.js';

const settings = { ringBytes: 4096, cpus: 1, snaplen: 96, stacks: false };
const of = (asked: readonly Asked[], operation: Asked['operation']) =>
  asked.filter((one) => one.operation === operation);
const verifierSays = (line: string) =>
  nativeError(
    'load BPF program x',
    'EACCES',
    `libbpf: -- BEGIN PROG LOAD LOG --\n${line}\nlibbpf: -- END PROG LOAD LOG --`,
  );

test('a refused program is replaced by the next rung; what was loaded before stays loaded', () => {
  const { native, asked } = kernelThatRefuses(({ operation, target }) =>
    operation === 'load' && target === 'dev_queue_xmit_nit' ? verifierSays('R1 !read_ok') : undefined,
  );
  const told: RungRefused[] = [];
  const { plan } = openSession(native, request('taps,drop'), v510, settings, (one) => told.push(one));
  const [rx, tx] = plan.watches;
  assert.equal(rx?.mechanism, 'fentry');
  assert.equal(tx?.mechanism, 'kprobe');
  assert.deepEqual(tx?.passedOver, [
    {
      mechanism: 'fentry',
      target: 'dev_queue_xmit_nit',
      reason:
        'without the bytes of packets, since a better build was refused: the verifier refuses it: R1 !read_ok (EACCES)',
    },
  ]);
  assert.equal(of(asked, 'load').filter(({ target }) => target === '__netif_receive_skb_core').length, 1);
  assert.ok(told.every(({ attachment }) => attachment.stage === 'tx-tap'));
  assert.equal(of(asked, 'close').length, 0);
});

test('after a refusal exactly the programs of the last plan run, each under the number it has there', () => {
  for (const refused of ['netif_receive_skb', 'dev_queue_xmit_nit', 'net_dev_start_xmit', 'kfree_skb']) {
    const { native, running } = kernelThatRefuses(({ operation, target }) =>
      operation === 'attach' && target === refused ? nativeError('attach BPF program', 'EBUSY') : undefined,
    );
    const { plan } = openSession(native, request('taps,start-xmit,drop,consume'), v612, settings);
    const byTarget = plan.attachments.filter(({ mechanism }) => mechanism !== 'kprobe');
    assert.ok(byTarget.every(({ target }) => target !== refused));
    assert.deepEqual(
      [...running].filter((name) => !name.endsWith('undefined')).sort(),
      byTarget.map(({ attachId, target }) => `${attachId} ${target}`).sort(),
    );
  }
});

test('what the verifier refuses is tried in the other builds, what cannot be attached is not', () => {
  const loads = (operation: 'load' | 'attach') => {
    const { native, asked } = kernelThatRefuses((one) => {
      if (one.operation !== operation || one.target !== 'kfree_skb') return undefined;
      return operation === 'load' ? verifierSays('too complex') : nativeError('attach BPF program', 'EBUSY');
    });
    openSession(native, request('rx-tap,drop'), v612, settings);
    return of(asked, 'load').filter(({ target }) => target === 'kfree_skb').length;
  };
  assert.equal(loads('load'), 3);
  assert.equal(loads('attach'), 1);
});

test('a kernel that refuses everything: every rung of every stage is tried, then one clear error', () => {
  const { native, asked } = kernelThatRefuses(({ operation }) =>
    operation === 'load' ? verifierSays('no') : undefined,
  );
  // Programs of devices are loaded when those are found.
  const asked612 = request('all');
  const stages = asked612.stages.filter(({ id }) => id !== 'xdp');
  assert.throws(() => openSession(native, { ...asked612, stages }, v612, settings), MissingError);
  assert.ok(of(asked, 'load').length > 12);
  assert.equal(of(asked, 'close').length, 1);
});

test('no memory, and maps that cannot be created, are no fault of a rung', () => {
  for (const error of [
    nativeError('load BPF program x', 'ENOMEM'),
    nativeError(
      'load BPF program x',
      'EPERM',
      "libbpf: map 'rings': failed to create: Operation not permitted(-1)\n",
    ),
    nativeError('create BPF maps', 'EPERM'),
  ]) {
    const { native, asked } = kernelThatRefuses(({ operation }) =>
      operation === 'load' ? error : undefined,
    );
    assert.throws(() => openSession(native, request('taps'), v612, settings), error);
    assert.deepEqual([of(asked, 'load').length, of(asked, 'close').length], [1, 1]);
  }
});
