import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stagesJson } from '../../../src/render/stages-json.js';
import { stages } from '../../../src/stages/table.js';
import { sampleReport } from './sample-report.js';

const parsed = JSON.parse(JSON.stringify(stagesJson(sampleReport)));

test('the object names its type, its schema and the kernel', () => {
  const { type, schema, kernel } = parsed;
  assert.deepEqual({ type, schema, kernel }, { type: 'stages', schema: 1, kernel: '6.18.44' });
});

test('every stage carries every field of its row', () => {
  assert.equal(parsed.stages.length, stages.length);
  for (const [index, stage] of stages.entries()) {
    const { watch, ...row } = parsed.stages[index];
    assert.deepEqual(row, JSON.parse(JSON.stringify(stage)));
    assert.ok(watch !== undefined, stage.id);
  }
});

test('watch tells the mechanism, or why there is none', () => {
  const watchOf = (id: string) => parsed.stages.find((stage: { id: string }) => stage.id === id).watch;
  assert.deepEqual(watchOf('drop'), {
    mechanism: 'tp_btf',
    target: 'kfree_skb',
    observed: true,
    reason: 'the best mechanism that this kernel allows',
    passedOver: [],
  });
  assert.deepEqual(watchOf('xdp'), { unavailable: 'not built yet in this version', passedOver: [] });
  assert.equal(watchOf('nf-input').observed, false);
  assert.equal('observed' in watchOf('tx-tap'), false);
});
