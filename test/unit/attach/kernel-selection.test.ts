/** What a selection is to the programs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { followSets, kernelSelection } from '../../../src/attach/kernel-selection.js';
import { packagePath } from '../../../src/native/binding.js';
import { stages } from '../../../src/stages/table.js';

const nothing = { selection: {}, reasons: [], follow: false, lookBack: false };

test('what was not asked is not said, so that the verifier takes it out', () => {
  const { constants, sets } = kernelSelection(nothing);
  assert.deepEqual(constants, {});
  assert.ok(Object.values(sets).every((keys) => keys.length === 0));
});

test('names of tasks are filled with zeros, numbers have four bytes', () => {
  const selection = { comms: ['curl'], pids: [258] };
  const { constants, sets } = kernelSelection({ ...nothing, selection, reasons: [3] });
  assert.deepEqual(constants, { select_comms: 1, select_pids: 1 });
  assert.equal(Buffer.from(sets.selected_comms![0]!).toString(), `curl${'\0'.repeat(12)}`);
  assert.deepEqual([...sets.selected_pids![0]!], [2, 1, 0, 0]);
  assert.deepEqual([...sets.selected_reasons![0]!], [3, 0, 0, 0]);
});

test('a direction comes with the stages that have only one', () => {
  const { constants } = kernelSelection({ ...nothing, selection: { direction: 'out' } });
  for (const { number, direction } of stages) {
    const bit = (mask: number | undefined) => Number((BigInt(mask!) >> BigInt(number)) & 1n);
    assert.equal(bit(constants.stages_in), Number(direction === 'rx'));
    assert.equal(bit(constants.stages_out), Number(direction === 'tx'));
  }
});

test('following and looking back are said', () => {
  assert.deepEqual(kernelSelection({ ...nothing, follow: true }).constants, { follow_sets: followSets });
  assert.deepEqual(kernelSelection({ ...nothing, lookBack: true }).constants, { look_back: 1 });
  assert.equal(followSets & (followSets - 1), 0, 'a power of two');
});

test('the numbers of stages are in path order, and those that bpf/follow.h names are theirs', () => {
  const numbers = stages.map(({ number }) => number);
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
  const source = readFileSync(packagePath('bpf/follow.h'), 'utf8');
  const named = [...source.matchAll(/^\tSTAGE_([A-Z_]+) = (\d+),$/gm)];
  assert.ok(named.length >= 8);
  for (const [, name, number] of named) {
    const id = name!.toLowerCase().replaceAll('_', '-');
    assert.equal(stages.find((stage) => stage.id === id)?.number, Number(number), id);
  }
});
