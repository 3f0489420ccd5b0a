import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  expandStages,
  isStageId,
  stageById,
  stageByNumber,
  stageWords,
  UnknownStageError,
} from '../../../src/stages/lookup.js';
import { stages } from '../../../src/stages/table.js';

const expand = (...words: string[]) => expandStages(words).stages.map(({ id }) => id);

function refusal(...words: string[]): UnknownStageError {
  try {
    expandStages(words);
  } catch (error) {
    assert.ok(error instanceof UnknownStageError);
    return error;
  }
  return assert.fail(`${words.join(' ')} was accepted`);
}

test('a stage is found by its id and by its number', () => {
  for (const stage of stages) {
    assert.equal(stageById(stage.id), stage);
    assert.equal(stageByNumber(stage.number), stage);
    assert.ok(isStageId(stage.id));
  }
  assert.equal(stageByNumber(0), undefined);
  assert.equal(stageByNumber(28), undefined);
});

test('a group is no stage id, nor is a name of every object', () => {
  for (const word of ['taps', 'all', '', 'toString', '__proto__']) assert.equal(isStageId(word), false, word);
});

test('groups', () => {
  assert.deepEqual(expand('taps'), ['rx-tap', 'tx-tap']);
  assert.deepEqual(expand('netfilter'), [
    'nf-ingress',
    'nf-prerouting',
    'nf-input',
    'nf-forward',
    'nf-output',
    'nf-postrouting',
    'nf-egress',
  ]);
  assert.equal(expand('all').length, 27);
  assert.deepEqual(
    expand('all').filter((id) => !expand('path').includes(id)),
    ['gro', 'delivery'],
  );
});

test('lists come in path order and without repeats', () => {
  assert.deepEqual(expand('drop,tx-tap', 'taps', 'tx-tap'), ['rx-tap', 'tx-tap', 'drop']);
  assert.deepEqual(expand('taps, netif-rx'), ['netif-rx', 'rx-tap', 'tx-tap']);
  assert.deepEqual(expand(), []);
});

test('an unknown word is named, with the nearest known ones and all others', () => {
  const error = refusal('taps,rx-tab');
  assert.equal(error.word, 'rx-tab');
  assert.deepEqual(error.nearest, ['rx-tap']);
  assert.ok(error.message.startsWith("unknown stage 'rx-tab': did you mean rx-tap?"), error.message);
  for (const word of stageWords) assert.ok(error.message.includes(word), word);
});

test('a part of a name brings the names that hold it', () => {
  assert.deepEqual(refusal('qdisc').nearest, ['qdisc-enqueue', 'qdisc-dequeue']);
  assert.deepEqual(refusal('egress').nearest, ['nf-egress', 'tc-egress']);
});

test('two names as near as each other are both told', () => {
  assert.deepEqual(refusal('px-tap').nearest, ['rx-tap', 'tx-tap']);
});

test('a word like no stage says so', () => {
  const error = refusal('wireshark');
  assert.deepEqual(error.nearest, []);
  assert.match(error.message, /^unknown stage 'wireshark': no stage has a name like it/);
});

test('empty words and names of every object are unknown too', () => {
  assert.equal(refusal('').word, '');
  assert.equal(refusal('taps,').word, '');
  assert.equal(refusal('constructor').word, 'constructor');
});
