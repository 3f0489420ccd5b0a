/** Stages between two events: only where the event behind them proves it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inferredBetween, type Seen } from '../../../src/journey/inferred.js';
import { stageById } from '../../../src/stages/lookup.js';
import type { StageId } from '../../../src/stages/types.js';

const at = (id: StageId, ifindex: number | undefined = 2, netnsInum = 1): Seen => ({
  stage: stageById(id),
  netnsInum,
  ifindex,
});

function between(from: Seen, later: Seen | readonly Seen[], watched: readonly StageId[] = []): string[] {
  const list = Array.isArray(later) ? (later as readonly Seen[]) : [later as Seen];
  return inferredBetween(from, list, new Set(watched)).map(({ id }) => id);
}

test('net_dev_queue proves the egress hooks, since it is behind them in the same function', () => {
  assert.deepEqual(between(at('nf-postrouting'), at('dev-queue')), ['nf-egress', 'tc-egress']);
});

test('what is watched is never inferred', () => {
  assert.deepEqual(between(at('nf-postrouting'), at('dev-queue'), ['tc-egress']), ['nf-egress']);
});

test('several stages that one event proves, in path order', () => {
  const prerouting = [at('nf-prerouting'), at('nf-input')];
  assert.deepEqual(between(at('rx-tap'), prerouting), ['tc-ingress', 'nf-ingress', 'ip-rcv']);
});

test('a proof may come some events behind, on the same device', () => {
  const link = ['tc-ingress', 'nf-ingress'];
  const input = at('nf-input');
  assert.deepEqual(between(at('rx-tap'), [at('nf-prerouting'), input]), [...link, 'ip-rcv']);
  assert.deepEqual(between(at('rx-tap'), [at('nf-prerouting'), at('drop'), input]), link);
  assert.deepEqual(between(at('rx-tap'), [at('nf-prerouting'), at('dev-queue'), input]), link);
});

test('PRE_ROUTING alone does not prove that IP took it: br_netfilter runs it for bridged frames', () => {
  const link = ['tc-ingress', 'nf-ingress'];
  assert.deepEqual(between(at('rx-tap'), [at('nf-prerouting'), at('rx-tap', 3), at('nf-input', 3)]), link);
  assert.deepEqual(between(at('rx-tap'), at('nf-prerouting')), link);
});

test('POST_ROUTING proves IP output, own or forwarded', () => {
  assert.deepEqual(between(at('nf-output', undefined), at('nf-postrouting')), ['ip-output']);
  assert.deepEqual(between(at('nf-forward'), at('nf-postrouting', 3)), ['ip-output']);
});

test('the hooks of the other device, where a packet is sent on', () => {
  assert.deepEqual(between(at('start-xmit', 3), at('dev-queue', 4)), ['nf-egress', 'tc-egress']);
});

test('what tc egress redirected has passed no egress chains of the other device', () => {
  assert.deepEqual(between(at('tc-egress', 3), at('tc-egress', 4)), []);
  assert.deepEqual(between(at('tc-egress', 3), at('dev-queue', 4), ['tc-egress']), []);
  assert.deepEqual(between(at('tc-ingress', 3), at('tc-egress', 4)), ['nf-egress']);
});

test('nothing between stages of which no other is proved', () => {
  assert.deepEqual(between(at('netif-rx'), at('rx-tap')), []);
  assert.deepEqual(between(at('start-xmit'), at('netif-rx', 3, 2)), []);
  assert.deepEqual(between(at('rx-tap'), at('drop')), []);
});
