import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerNotes, symbolNotes } from '../../../src/trace/limits.js';
import { v612 } from '../attach/kernels.js';
import { headerOf } from '../render/header.js';

const hidden = { areHidden: true };
const no = () => false;
const stages = (...ids: ('rx-tap' | 'drop')[]) => ids.map((id) => ({ id }));

test('addresses without names are told where some will be shown, with what would change it', () => {
  const drops = { stages: stages('rx-tap', 'drop'), stacks: false };
  assert.deepEqual(symbolNotes(drops, hidden, no), [
    'places of drops are bare addresses: the addresses of symbols need CAP_SYSLOG',
  ]);
  assert.deepEqual(
    symbolNotes({ ...drops, stacks: true }, hidden, () => true),
    [
      'stacks and places of drops are bare addresses: kernel.kptr_restrict=2 hides the addresses of symbols from everyone',
    ],
  );
  assert.deepEqual(symbolNotes({ stages: stages('rx-tap'), stacks: false }, hidden, no), []);
  assert.deepEqual(symbolNotes({ ...drops, stacks: true }, { areHidden: false }, no), []);
});

test('unknown owners are told only where one was met, and a capability would have told', () => {
  const { armed } = headerOf('taps', v612);
  const known = armed.filter(({ by }) => by.every(({ owners }) => owners.length > 0));
  assert.match(ownerNotes(armed, [])[0]!, /: needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH$/);
  assert.match(ownerNotes(armed, ['CAP_SYS_PTRACE'])[0]!, /: needs CAP_DAC_READ_SEARCH$/);
  assert.deepEqual(ownerNotes(armed, ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH']), []);
  assert.deepEqual(ownerNotes(known, []), []);
});
