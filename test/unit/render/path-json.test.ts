/** A journey as JSON: one line with all that programs read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Journey } from '../../../src/journey/journey.js';
import { PathJson } from '../../../src/render/path-json.js';
import { journeyOf, sight } from '../explain/journeys.js';
import { branched, header, ruled, story } from './path-scene.js';

interface JourneyLine {
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly changes: readonly Readonly<Record<string, unknown>>[];
  readonly truths: readonly { readonly id: string; readonly at?: number; readonly text: string }[];
  readonly branches: readonly Readonly<Record<string, unknown>>[];
  readonly end: Readonly<Record<string, unknown>> & {
    readonly chains?: readonly { readonly chain: string }[];
  };
  readonly [key: string]: unknown;
}

function lineOf(journey: Journey): JourneyLine {
  const view = new PathJson();
  view.header(header);
  const line = view.journey(journey);
  assert.equal(line.indexOf('\n'), line.length - 1, 'one line');
  return JSON.parse(line);
}

test('the keys of the contract, in its order', () => {
  const line = lineOf(story());
  assert.deepEqual(Object.keys(line), [
    ...['type', 'packet', 'events', 'changes', 'truths', 'branches', 'parents', 'children', 'end'],
  ]);
  assert.equal(line.type, 'journey');
  assert.equal(line.packet, 17);
});

test('events are those of a trace, with packet, branch, and why it is a guess', () => {
  const { events } = lineOf(branched());
  assert.deepEqual([...new Set(events.map(({ type, packet }) => `${type} ${packet}`))], ['event 17']);
  assert.deepEqual(
    events.map(({ branch }) => branch),
    [0, 1, 1, 0, 0],
  );
  assert.deepEqual(
    events.map(({ guess }) => guess),
    [undefined, undefined, undefined, undefined, 'known by its content alone'],
  );
});

test('an event at a hook has the rules that nft told of', () => {
  const { events } = lineOf(ruled());
  assert.deepEqual(
    events.flatMap(({ stage, rules }) => (rules === undefined ? [] : [[stage, rules]])),
    [['nf-input', ruled().steps.find(({ rules }) => rules)!.rules]],
  );
});

test('changes and truths name the event that shows them', () => {
  const { changes, truths, events } = lineOf(story());
  const destination = changes.find(({ field }) => field === 'dst');
  assert.deepEqual([destination?.at, destination?.from, destination?.to], [1, '10.0.0.2', '10.0.0.9']);
  assert.equal(events[Number(destination?.at)]?.stage, 'nf-output');
  const dropped = truths.find(({ id }) => id === 'dropped-after-tap');
  assert.equal(events[dropped!.at!]?.stage, 'drop');
});

test('the end: its stage, reason, function, and the chain between the brackets around it', () => {
  const { end, branches } = lineOf(story());
  assert.deepEqual(
    [end.closed, end.stage, end.at, end.reason, end.location],
    ['ended', 'drop', 9, 'NETFILTER_DROP', 'nf_hook_slow+0x60'],
  );
  assert.deepEqual(
    end.chains?.map(({ chain }) => chain),
    ['in'],
  );
  assert.equal((branches[0]!.end as { stage: string }).stage, 'drop');
});

test('no end seen: only why it was closed', () => {
  assert.deepEqual(lineOf(journeyOf([sight('rx-tap')], { closed: 'idle' })).end, { closed: 'idle' });
});

test('the end of a clone for a tap is not that of the packet', () => {
  const sights = [sight('dev-queue'), sight('tx-tap', { branch: 1 }), sight('consume', { branch: 1 })];
  const branches = [{ kind: 'packet' as const }, { kind: 'tap-clone' as const, from: 0 }];
  const { end, branches: shown } = lineOf(journeyOf(sights, { branches, closed: 'stopped' }));
  assert.deepEqual(end, { closed: 'stopped' });
  assert.equal((shown[1]!.end as { stage: string }).stage, 'consume');
});
