import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerJson, summaryJson } from '../../../src/render/trace-json.js';
import type { DroppedRights } from '../../../src/trace/drop-rights.js';
import { v612, v618, withoutSockets } from '../attach/kernels.js';
import { assertGolden } from '../stages/golden.js';
import { headerOf, summaryOf } from './header.js';

type Json = ReturnType<typeof JSON.parse>;
const header = (...of: Parameters<typeof headerOf>): Json =>
  JSON.parse(JSON.stringify(headerJson(headerOf(...of), '1.2.3')));

test('the header of a trace', () => {
  const { watches, ...others } = header('taps,drop', v618);
  assertGolden('test/fixtures/render/header.json', `${JSON.stringify(others, undefined, 1)}\n`);
  assert.deepEqual(watches, headerOf('taps,drop', v618).plan.watches);
});

test('the plan is stage by mechanism, with nothing for what cannot be watched', () => {
  assert.deepEqual(header('taps,nf-ingress', v612).plan, { 'rx-tap': 'kprobe', 'tx-tap': 'fentry' });
  assert.equal(header('taps,nf-ingress', v612).watches.length, 3);
});

test('a device is armed by others, or by us where a packet socket of ours is really opened', () => {
  const armed = (json: Json) => json.interfaces.map((one: Json) => [one.ifname, one.armed]);
  assert.deepEqual(armed(header('taps', v612)), [
    ['right', false],
    ['left', true],
    ['mv0', true],
  ]);
  assert.deepEqual(armed(header('taps', v612, { arm: true })), [
    ['right', true],
    ['left', true],
    ['mv0', true],
  ]);
  for (const json of [header('taps', withoutSockets, { arm: true }), header('drop', v612, { arm: true })]) {
    assert.equal(json.arm, true);
    assert.deepEqual(armed(json), armed(header('taps', v612)));
  }
});

test('who armed it: processes, or the socket where none could be read', () => {
  const by = header('taps', v612).interfaces.map((one: Json) => one.armedBy);
  assert.deepEqual(by, [[], [{ pid: 812, comm: 'tcpdump' }], [{ inode: 561516 }]]);
});

test('capabilities: what was kept, and whether all others are gone; absent where nothing was given up', () => {
  const of = (rights?: DroppedRights): Json =>
    headerJson({ ...headerOf('taps', v612), ...(rights && { rights }) }, '1.2.3').capabilities;
  const kept = [{ name: 'CAP_NET_RAW', reason: 'to arm devices that appear' }] as const;
  assert.equal(of(), undefined);
  assert.deepEqual(of({ kept: [] }), { kept: [], dropped: true });
  assert.deepEqual(of({ kept }), { kept, dropped: true });
  assert.deepEqual(of({ kept, failure: 'why' }), { kept, dropped: false, failure: 'why' });
});

test('the summary carries the ledger', () => {
  const json = JSON.parse(JSON.stringify(summaryJson(summaryOf({ reason: 'count', filteredOut: 5 }))));
  assert.deepEqual(json, {
    type: 'summary',
    events: 1234,
    lost: { ring: 0, recursion: 0, user: 0 },
    lostByStage: { 'rx-tap': { ring: 0, recursion: 0 }, 'tx-tap': { ring: 0, recursion: 0 } },
    complete: true,
    reason: 'count',
    filteredOut: 5,
    undecided: 0,
    late: 0,
    seconds: 1.96,
    ringHighWater: { bytes: 4096, ofBytes: 8388608 },
    notWatched: [],
  });
});

test('the summary names the stages that were asked for and not watched', () => {
  const notWatched = [{ stage: 'rx-tap', reason: 'none' }] as const;
  assert.deepEqual(summaryJson(summaryOf({ notWatched })).notWatched, notWatched);
});

test('recursion misses that nobody counts are null', () => {
  const ledger = {
    lost: { ring: 0, recursion: null, user: 0 },
    lostByStage: {},
    complete: 'unknown' as const,
  };
  const json = JSON.parse(JSON.stringify(summaryJson(summaryOf({ ledger }))));
  assert.equal(json.lost.recursion, null);
  assert.equal(json.complete, 'unknown');
});
