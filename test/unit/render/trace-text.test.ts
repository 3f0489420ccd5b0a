import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerLines, summaryLines } from '../../../src/render/trace-text.js';
import type { DroppedRights } from '../../../src/trace/drop-rights.js';
import type { Ledger } from '../../../src/trace/ledger.js';
import { v612, v618, withoutSockets } from '../attach/kernels.js';
import { assertGolden } from '../stages/golden.js';
import { headerOf, noLoss, summaryOf } from './header.js';

test('the header tells how each stage is watched, who taps what, and what stays invisible', () => {
  const headers = {
    '6.18': headerOf('taps,drop', v618),
    '6.12 --arm': headerOf('taps', v612, { arm: true }),
    '5.10 --arm, refused': headerOf('taps', withoutSockets, { arm: true }),
    'stages without a program': headerOf('rx-tap,nf-ingress,nf-egress,xdp', v612),
    'drop --arm': headerOf('drop', v612, { arm: true }),
  };
  const texts = Object.entries(headers).map(([name, header]) =>
    [`# ${name}`, ...headerLines(header), ''].join('\n'),
  );
  assertGolden('test/fixtures/render/headers.txt', texts.join('\n'));
});

test('capabilities that are kept are told with their reasons, and what could not be given up', () => {
  const header = headerOf('taps', v612);
  const said = (rights: DroppedRights): string[] =>
    headerLines({ ...header, rights }).slice(headerLines(header).length);
  const kept = [{ name: 'CAP_NET_RAW', reason: 'to arm devices that appear' }] as const;
  const failure = 'capabilities could not be dropped in the threads node (7)';
  assert.deepEqual(said({ kept: [] }), []);
  assert.deepEqual(said({ kept }), [
    'capabilities kept: CAP_NET_RAW (to arm devices that appear); all others dropped',
  ]);
  assert.deepEqual(said({ kept, failure }), [
    'capabilities kept: CAP_NET_RAW (to arm devices that appear)',
    failure,
  ]);
});

test('complete', () => {
  assert.deepEqual(summaryLines(summaryOf()), ['1234 events in 2.0 s, complete: nothing was lost']);
  assert.deepEqual(summaryLines(summaryOf({ events: 1, seconds: 0.04 })), [
    '1 event in 0.0 s, complete: nothing was lost',
  ]);
  assert.match(summaryLines(summaryOf({ events: 0 }))[0]!, /^0 events /);
});

const lossy = (ledger: Partial<Ledger>): string[] =>
  summaryLines(summaryOf({ ledger: { ...noLoss, complete: false, ...ledger } }));

test('losses are told by stage and kind', () => {
  const lines = lossy({
    lost: { ring: 12, recursion: 3, user: 0 },
    lostByStage: {
      'rx-tap': { ring: 12, recursion: 0 },
      'tx-tap': { ring: 0, recursion: 3 },
      drop: { ring: 0, recursion: 0 },
    },
  });
  assert.deepEqual(lines, [
    '1234 events in 2.0 s, NOT complete',
    'lost at rx-tap: 12 because the ring buffer was full',
    'lost at tx-tap: 3 because its program was interrupted by itself',
  ]);
  assert.deepEqual(
    lossy({
      lost: { ring: 5, recursion: 7, user: 0 },
      lostByStage: { 'rx-tap': { ring: 5, recursion: 7 } },
    })[1],
    'lost at rx-tap: 5 because the ring buffer was full, 7 because its program was interrupted by itself',
  );
});

test('what the kernel does not count is not called complete', () => {
  const lost = { ring: 0, recursion: null, user: 0 };
  const lostByStage = { 'rx-tap': { ring: 0, recursion: null } };
  const unknown: Ledger = { lost, lostByStage, complete: 'unknown' };
  const [line, ...others] = summaryLines(summaryOf({ ledger: unknown }));
  assert.match(line!, /completeness unknown: this kernel does not count skipped programs/);
  assert.deepEqual(others, []);
  const known = lossy({
    lost: { ...lost, ring: 2 },
    lostByStage: { 'rx-tap': { ring: 2, recursion: null } },
  });
  assert.deepEqual(known.slice(1), ['lost at rx-tap: 2 because the ring buffer was full']);
});

test('filters and late events', () => {
  const lines = summaryLines(summaryOf({ filteredOut: 1, undecided: 2, late: 3 }));
  assert.deepEqual(lines.slice(1), [
    '1 event did not match the filter',
    '2 events could not be decided by the filter: too few bytes captured, or no link header',
    '3 events came late, after later ones were printed (marked late)',
  ]);
});

test('the summary names the stages that were asked for and not watched, one line a reason', () => {
  const notWatched = [
    { stage: 'rx-tap', reason: 'no BTF' },
    { stage: 'xdp', reason: 'not built yet' },
    { stage: 'tx-tap', reason: 'no BTF' },
  ] as const;
  assert.deepEqual(summaryLines(summaryOf({ notWatched })).slice(1), [
    'not watched: rx-tap, tx-tap (no BTF)',
    'not watched: xdp (not built yet)',
  ]);
});

test('every line is one line', () => {
  for (const line of [...headerLines(headerOf('all', v612)), ...summaryLines(summaryOf({ late: 1 }))])
    assert.doesNotMatch(line, /\n|^$/);
});
