import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stageById } from '../../../src/stages/lookup.js';
import { stages } from '../../../src/stages/table.js';
import type { StageId } from '../../../src/stages/types.js';
import { v618 } from './kernels.js';
import { plan } from './requests.js';

const planOf = (ids: readonly StageId[], changes = {}) => plan(ids.join(), v618, changes);

const watchOf = (ids: readonly StageId[], stage: StageId, changes = {}) =>
  planOf(ids, changes).watches.find((watch) => watch.stage === stage)!;

test('a stage without a program is inferred from a watched one behind it, and makes no event', () => {
  const { watches, attachments } = planOf(['nf-egress', 'dev-queue']);
  const { mechanism, target, provedBy, observed, passedOver } = watches[0]!;
  assert.deepEqual([mechanism, target, provedBy, observed], ['inferred', 'dev-queue', ['dev-queue'], true]);
  assert.ok(passedOver.some((entry) => entry.mechanism === 'fexit'));
  assert.deepEqual(
    attachments.map(({ stage }) => stage),
    ['dev-queue'],
  );
});

test('nothing is inferred from stages that are not watched, or only inferred themselves', () => {
  assert.equal(watchOf(['nf-egress', 'start-xmit'], 'nf-egress').mechanism, undefined);
  assert.equal(watchOf(['nf-ingress', 'ip-rcv'], 'nf-ingress').mechanism, undefined);
});

test('a stage with a program of its own needs no proof', () => {
  assert.equal(watchOf(['tc-egress', 'dev-queue'], 'tc-egress').mechanism, 'tcx');
  const observed = watchOf(['tc-egress', 'dev-queue'], 'tc-egress', { observeOnly: true });
  assert.deepEqual([observed.mechanism, observed.provedBy], ['inferred', ['dev-queue']]);
});

test('what proves a stage comes behind it on the path', () => {
  for (const { id, number, ladder } of stages)
    for (const { provedBy = [], program, mechanism } of ladder)
      for (const prover of provedBy) {
        assert.ok(stageById(prover).number > number, `${prover} proves ${id}`);
        assert.deepEqual([program, mechanism], [undefined, 'inferred'], id);
      }
});
