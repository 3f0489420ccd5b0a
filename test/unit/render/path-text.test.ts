/** Blocks of text of journeys, against a file of the source tree, and what options and terminals change of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { palette } from '../../../src/cli/sinks.js';
import type { Journey } from '../../../src/journey/journey.js';
import { PathText, type PathTextOptions } from '../../../src/render/path-text.js';
import { journeyOf, sight } from '../explain/journeys.js';
import { assertGolden } from '../stages/golden.js';
import { plain } from '../support/texts.js';
import { branched, header, ruled, story } from './path-scene.js';

process.env.TZ = 'UTC';

const options: PathTextOptions = {
  width: Number.POSITIVE_INFINITY,
  timeFormat: 0,
  verbose: false,
  stacks: false,
};

function render(journey: Journey, changes: Partial<PathTextOptions> = {}, colours = plain): string {
  const view = new PathText(colours, { ...options, ...changes });
  view.header(header);
  return view.journey(journey);
}

test('journeys as text', () => {
  assertGolden(
    'test/fixtures/render/path.txt',
    [story(), branched()].map((journey) => render(journey)).join(''),
  );
});

test('in a narrow terminal, with -v, with stacks, with another time', () => {
  const narrow = render(story(), { width: 80, verbose: true, stacks: true, timeFormat: 4 });
  assertGolden('test/fixtures/render/path-80.txt', narrow + render(branched(), { width: 80, timeFormat: 1 }));
});

test('what can be wrapped is', () => {
  for (const line of render(branched(), { width: 90 }).split('\n').slice(1))
    assert.ok(line.length <= 90, `${line.length}: ${line}`);
});

test('colour changes no text, and without colour there is none', () => {
  const coloured = render(story(), { width: 100 }, palette(true));
  assert.notEqual(coloured, render(story(), { width: 100 }));
  assert.equal(stripVTControlCharacters(coloured), render(story(), { width: 100 }));
  assert.equal(render(story(), {}, palette(false)), render(story()));
});

test('each way for a journey to close without an end says so', () => {
  const closings = (['delivered', 'merged', 'replaced', 'idle', 'limit', 'stopped'] as const).map((closed) =>
    render(journeyOf([sight('rx-tap')], { closed }))
      .split('\n')
      .at(-3),
  );
  assert.equal(new Set(closings).size, 6);
  assert.doesNotMatch(render(journeyOf([sight('rx-tap'), sight('consume')])), /no end/);
});

test('rules of nft stand below their hook', () => {
  const lines = render(ruled()).split('\n');
  const at = lines.findIndex((line) => line.includes('nf-input'));
  assert.deepEqual(
    lines.slice(at + 1, at + 3).map((line) => line.trim()),
    [
      'nft rule: inet fw/tr handle 4 "udp dport 2000 comment \\x1b[31m drop": drop',
      'nft policy: inet fw/in: accept',
    ],
  );
});

test('the whole line again only where it reads otherwise', () => {
  const lines = render(story())
    .split('\n')
    .filter((line) => line.includes('UDP, length'));
  assert.deepEqual(
    lines.map((line) => line.trim().replace(/^packet .*? IP/, 'IP')),
    ['IP 10.0.0.1.1000 > 10.0.0.2.2000: UDP, length 12', 'IP 10.0.0.1.1000 > 10.0.0.9.2000: UDP, length 12'],
  );
});
