/** Chains and positions as they are told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hookName, inetHooks } from '../../../src/netfilter/hooks.js';
import type { HookPosition } from '../../../src/netfilter/types.js';
import {
  chainName,
  deciderText,
  positionJson,
  positionText,
  ruleText,
} from '../../../src/netfilter/words.js';
import { stageById } from '../../../src/stages/lookup.js';
import { chain } from './chains.js';

const position = (changes: Partial<HookPosition> = {}): HookPosition => ({
  ...{ family: 'ip', stage: 'nf-input', netnsInum: 1, index: 1, count: 4, priority: 1 },
  ...{ before: [], after: [] },
  ...changes,
});
const first = chain('in', 0);
const second = chain('INPUT', 50, { family: 'ip', table: 'security', owner: 'iptables-nft' });

test('a chain by family, table and name; what has no table by what is known of it', () => {
  assert.equal(chainName(first), 'inet filter/in');
  assert.equal(chainName(second), 'ip security/INPUT');
  assert.equal(chainName({ ...second, owner: 'iptables-legacy' }), 'iptables-legacy ip security/INPUT');
  assert.equal(chainName(chain('BPF program 7', 3, { table: '', owner: 'bpf' })), 'BPF program 7');
});

test('a position by its neighbours, else by its place in the hook', () => {
  const both = position({ before: [first], after: [second] });
  assert.equal(positionText(both), 'after inet filter/in (0), before ip security/INPUT (50)');
  assert.equal(
    positionText(position({ after: [first, second] })),
    'before inet filter/in (0), ip security/INPUT (50)',
  );
  assert.equal(positionText(position({ index: 0 })), 'first of the hook');
  assert.equal(positionText(position({ index: 3 })), 'last of the hook');
  assert.equal(positionText(position({ priority: 19 })), 'at priority 19');
});

test('a rule by chain, handle and text, a policy by its chain', () => {
  const rule = { family: 'inet', table: 'filter', chain: 'in', handle: 4, verdict: 'drop' } as const;
  const { handle: _, ...policy } = rule;
  assert.equal(
    ruleText({ ...rule, text: 'tcp dport 80 drop' }),
    'nft rule: inet filter/in handle 4 "tcp dport 80 drop": drop',
  );
  assert.equal(ruleText(rule), 'nft rule: inet filter/in handle 4: drop');
  assert.equal(ruleText(policy), 'nft policy: inet filter/in: drop');
  assert.equal(
    deciderText({ ...rule, text: 'tcp dport 80 drop' }, [first]),
    'by rule handle 4 (tcp dport 80 drop)',
  );
  assert.equal(deciderText({ ...rule, chain: 'tr' }, [first]), 'by rule handle 4 of inet filter/tr');
  assert.equal(deciderText(policy, [first]), 'by its policy');
  assert.equal(deciderText(policy, [first, second]), 'by the policy of inet filter/in');
});

test("the JSON has the contract's keys in order", () => {
  const json = positionJson(position({ before: [first], after: [second] }));
  assert.deepEqual(Object.entries(json), [
    ['family', 'ip'],
    ['hook', 'input'],
    ['priority', 1],
    ['position', 1],
    ['of', 4],
    ['passed', [first]],
    ['ahead', [second]],
  ]);
});

test('each hook belongs to a stage that links can watch', () => {
  for (const { stage, number } of inetHooks) {
    assert.equal(inetHooks[number]?.stage, stage);
    assert.ok(stageById(stage).ladder.some(({ mechanism, program }) => mechanism === 'netfilter' && program));
  }
});

test('hooks by the numbers of their families', () => {
  assert.deepEqual(
    [
      hookName('ip', 3),
      hookName('inet', 5),
      hookName('netdev', 1),
      hookName('arp', 1),
      hookName('bridge', 0),
    ],
    ['output', 'ingress', 'egress', 'output', 'prerouting'],
  );
  assert.equal(hookName('netdev', 9), 'hook 9');
});
