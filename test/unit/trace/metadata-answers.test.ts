/** The kernel's questions, asked of events of a recording. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapContext } from '../../../src/decode/layout.generated.js';
import { stageById } from '../../../src/stages/lookup.js';
import type { StageId } from '../../../src/stages/types.js';
import type { TapEvent } from '../../../src/trace/event.js';
import { meets } from '../../../src/trace/metadata-answers.js';
import type { PacketSelection } from '../../../src/trace/packet-selection.js';

const OUTGOING = 4;
const known = {
  mark: 0x115,
  pid: 7,
  comm: 'curl',
  uid: 1000,
  context: tapContext.process as number,
  packetType: 0,
};
const all = ['mark', 'task', 'context', 'uid'];

function answer(
  selection: PacketSelection,
  told: Partial<typeof known> = {},
  { stage = 'rx-tap' as StageId, has = all, len = 100 } = {},
): boolean {
  const record = { ...known, ...told, has: (bit: string) => has.includes(bit) };
  return meets({ record, packet: { len }, stage: stageById(stage) } as unknown as TapEvent, selection);
}

test('each question alone, with a yes and a no', () => {
  assert.ok(answer({}));
  assert.ok(answer({ mark: { value: 0x10, mask: 0xf0 } }));
  assert.ok(!answer({ mark: { value: 0x20, mask: 0xf0 } }));
  assert.ok(answer({ mark: { value: 0xf0000000, mask: 0xf0000000 } }, { mark: 0xf2345678 }));
  assert.ok(answer({ minLen: 100, maxLen: 100 }));
  assert.ok(!answer({ minLen: 101 }));
  assert.ok(!answer({ maxLen: 99 }));
  assert.ok(answer({ pids: [1, 7], comms: ['curl'], uids: [1000] }));
  assert.ok(!answer({ pids: [1] }));
  assert.ok(!answer({ comms: ['cur'] }));
  assert.ok(!answer({ uids: [0] }));
});

test('what a record does not tell does not match, nor a task that a softirq interrupted', () => {
  for (const selection of [
    { mark: { value: 0, mask: 0 } },
    { pids: [7] },
    { comms: ['curl'] },
    { uids: [1000] },
  ])
    assert.ok(!answer(selection, {}, { has: [] }), JSON.stringify(selection));
  assert.ok(!answer({ pids: [7] }, { context: tapContext.softirq }));
});

test('the direction is the stage’s, else that of the packet', () => {
  assert.deepEqual([answer({ direction: 'in' }), answer({ direction: 'out' })], [true, false]);
  assert.ok(answer({ direction: 'out' }, {}, { stage: 'tx-tap' }));
  assert.ok(answer({ direction: 'out' }, { packetType: OUTGOING }, { stage: 'drop' }));
  assert.ok(!answer({ direction: 'in' }, { packetType: OUTGOING }, { stage: 'drop' }));
});
