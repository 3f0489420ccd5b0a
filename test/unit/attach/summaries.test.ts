import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { kernelSelection } from '../../../src/attach/kernel-selection.js';
import { withSummaries } from '../../../src/attach/summaries.js';
import { packagePath } from '../../../src/native/binding.js';

const constantsIn = (file: string): string[] =>
  [...readFileSync(packagePath(`bpf/${file}`), 'utf8').matchAll(/^const volatile \S+ (\w+) = /gm)].map(
    ([, name]) => name!,
  );

/** Which summaries say that something is asked, where one constant is set and no other. */
function asks(constant: string): string[] {
  const { [constant]: _, ...summaries } = withSummaries({ [constant]: 1 });
  return Object.keys(summaries).filter((name) => summaries[name] === 1);
}

describe('summaries of constants', () => {
  it('say that nothing is asked where nothing is', () => {
    const nothing = { asks_partner: 0, asks_origin: 0, asks_metadata: 0 };
    assert.deepEqual(withSummaries({}), nothing);
    assert.deepEqual(withSummaries({ only_netns: 0, stage: 4 }), { only_netns: 0, stage: 4, ...nothing });
  });

  it('know every constant that chooses packets by what the kernel knows of them', () => {
    const meaningless = ['mark_value', 'mark_mask', 'stages_in', 'stages_out'];
    const chosenBy = constantsIn('select.h').filter((name) => !meaningless.includes(name));
    assert.ok(chosenBy.length >= 8, chosenBy.join());
    for (const name of chosenBy) assert.deepEqual(asks(name), ['asks_metadata'], name);
  });

  it('know every constant that asks for the device, the namespace or another program', () => {
    const named = constantsIn('maps.h').filter((name) => /^(only|select|skip|leave)_/.test(name));
    assert.deepEqual(named.sort(), [
      ...['leave_note', 'only_netns', 'select_devices', 'select_netns'],
      ...['skip_armed', 'skip_entered', 'skip_noted'],
    ]);
    for (const name of named) assert.ok(asks(name).includes('asks_origin'), name);
    for (const name of named.filter((one) => /^(skip|leave)_/.test(one)))
      assert.ok(asks(name).includes('asks_partner'), name);
    for (const name of ['follow_sets', 'look_back', 'filter_extensions'])
      assert.deepEqual(asks(name), ['asks_origin'], name);
  });

  it('know that no length at all is a question, and the greatest one is none', () => {
    assert.equal(withSummaries({ max_len: 0 }).asks_metadata, 1);
    assert.equal(withSummaries({ max_len: 0xffff_ffff }).asks_metadata, 0);
  });

  it('know what a selection sets', () => {
    const selection = { reasons: ['x'], pids: [1], minLen: 1, direction: 'in' } as const;
    const { constants } = kernelSelection({ selection, reasons: [1], follow: false, lookBack: false });
    for (const name of Object.keys(constants).filter((one) => !one.startsWith('stages_')))
      assert.deepEqual(asks(name), ['asks_metadata'], name);
  });
});
