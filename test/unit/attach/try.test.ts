/** What doctor makes of each stage, on a kernel that turns programs down by rule. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelFeatures } from '../../../src/attach/features.js';
import { type StageTrial, tryStages } from '../../../src/attach/try.js';
import { MissingError } from '../../../src/errors.js';
import { expandStages } from '../../../src/stages/lookup.js';
import { type Asked, kernelThatRefuses, nativeError } from '../support/kernel-that-refuses.js';
import { v510, v612, v618 } from './kernels.js';
import { plan } from './requests.js';

const options = { arm: false, below: false, cpus: 1 };

function tried(
  words: string,
  features: KernelFeatures,
  changes: Partial<typeof options> = {},
  refuse: (asked: Asked) => ReturnType<typeof nativeError> | undefined = () => undefined,
): { trials: StageTrial[]; asked: Asked[] } {
  const { native, asked } = kernelThatRefuses(refuse);
  const { stages } = expandStages([words]);
  return { trials: [...tryStages(native, stages, features, { ...options, ...changes })], asked };
}

const tx = (...args: Parameters<typeof tried>): StageTrial => tried(...args).trials[0]!;
const reasonOf = ({ watch }: StageTrial, mechanism: string) =>
  watch.passedOver.find((entry) => entry.mechanism === mechanism)?.reason;

test('chooses what the plan of a trace chooses, stage by stage, and closes every session', () => {
  for (const features of [v510, v612, v618]) {
    const { trials, asked } = tried('all', features);
    const { watches } = plan('all', features);
    for (const { stage, watch } of trials) {
      assert.equal(watch.mechanism, watches.find((one) => one.stage === stage.id)?.mechanism, stage.id);
    }
    assert.deepEqual(
      trials.map(({ stage }) => stage.id),
      expandStages(['all']).stages.map(({ id }) => id),
    );
    // All netfilter hooks are tried with one program, in one session.
    const hooks = trials.filter(({ watch }) => watch.mechanism === 'netfilter').length;
    const sessions = trials.length - Math.max(hooks - 1, 0);
    assert.equal(asked.filter(({ operation }) => operation === 'close').length >= sessions, true);
  }
});

test('a rung that looks possible and is refused: the next one, with the reason', () => {
  const refuse = ({ operation, target }: Asked) =>
    operation === 'attach' && target === 'dev_queue_xmit_nit'
      ? nativeError('attach BPF program', 'EBUSY')
      : undefined;
  const trial = tx('tx-tap', v612, {}, refuse);
  assert.equal(trial.watch.mechanism, 'kprobe');
  assert.equal(reasonOf(trial, 'fentry'), 'attach BPF program was refused (EBUSY)');
});

test('the packet socket is tried without --arm too, never bound, and named as what --arm would bring', () => {
  const works = tx('tx-tap', v618);
  assert.equal(works.watch.mechanism, 'inferred');
  assert.match(reasonOf(works, 'packet_socket')!, /only with --arm.*tried: it works/);
  const refuse = ({ operation }: Asked) =>
    operation === 'try packet socket' ? nativeError('open packet socket', 'EPERM') : undefined;
  assert.equal(reasonOf(tx('tx-tap', v618, {}, refuse), 'packet_socket'), 'open packet socket: EPERM');
});

test('nothing but the packet socket works: it is the choice, a probe, and only with --arm', () => {
  const refuse = ({ operation, target }: Asked) =>
    operation === 'load' && target !== undefined ? nativeError('load BPF program x', 'EINVAL') : undefined;
  const { watch, onlyWithArm } = tx('tx-tap', v618, {}, refuse);
  assert.deepEqual([watch.mechanism, watch.observed, onlyWithArm], ['packet_socket', false, true]);
  assert.ok(watch.passedOver.every(({ mechanism }) => mechanism !== 'packet_socket'));
});

test('with --arm the packet socket comes first', () => {
  const { watch, onlyWithArm } = tx('tx-tap', v618, { arm: true });
  assert.deepEqual([watch.mechanism, watch.observed, onlyWithArm], ['packet_socket', false, false]);
});

test('rungs below the one chosen are tried when asked for, and only then', () => {
  assert.deepEqual(tx('tx-tap', v510).below, []);
  const { below } = tx('tx-tap', v612, { below: true });
  assert.deepEqual(
    below.map(({ mechanism, works }) => [mechanism, works]),
    [
      ['kprobe', true],
      ['packet_socket', true],
      ['inferred', true],
    ],
  );
});

test('an error that is no refusal may be explained', () => {
  const { native } = kernelThatRefuses(({ operation }) =>
    operation === 'load' ? nativeError('create BPF maps', 'EPERM') : undefined,
  );
  const explain = () => new MissingError('RLIMIT_MEMLOCK is too small');
  const { stages } = expandStages(['drop']);
  const [trial] = tryStages(native, stages, v510, { ...options, explain });
  assert.equal(trial?.watch.reason, 'RLIMIT_MEMLOCK is too small');
});

test('a stage that fails in another way has that as its reason, and the others are still tried', () => {
  const refuse = ({ operation, target }: Asked) =>
    operation === 'load' && target === 'netif_receive_skb'
      ? nativeError('load BPF program x', 'ENOMEM')
      : undefined;
  const { trials } = tried('rx-tap,drop', v618, {}, refuse);
  assert.deepEqual(
    trials.map(({ watch }) => watch.mechanism),
    [undefined, 'tp_btf'],
  );
  assert.equal(trials[0]!.watch.reason, 'load BPF program x: ENOMEM');
});
