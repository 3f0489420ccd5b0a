import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { renderStages } from '../../../src/render/stages-text.js';
import { stages } from '../../../src/stages/table.js';
import { assertGolden } from './golden.js';
import { sampleReport } from './sample-report.js';

const plain = { colour: false, width: 100, verbose: false };
const fixture = (name: string) => `test/fixtures/stages/${name}`;

test('the map on 100 columns', () => {
  assertGolden(fixture('map-100.txt'), renderStages(sampleReport, plain));
});

test('the map on 80 columns', () => {
  assertGolden(fixture('map-80.txt'), renderStages(sampleReport, { ...plain, width: 80 }));
});

test('the pages of single stages', () => {
  const only = ['rx-tap', 'tx-tap', 'nf-input', 'delivery', 'drop'] as const;
  assertGolden(fixture('pages-100.txt'), renderStages(sampleReport, { ...plain, only }));
});

test('verbose is the page of every stage', () => {
  const all = renderStages(sampleReport, { ...plain, only: stages.map(({ id }) => id) });
  assert.equal(renderStages(sampleReport, { ...plain, verbose: true }), all);
  for (const { id, title } of stages) assert.ok(all.includes(`\n${id}  ${title}\n`), id);
});

test('no line is longer than the terminal is wide', () => {
  for (const width of [72, 80, 97, 98, 100, 120, 200]) {
    for (const verbose of [false, true]) {
      const lines = renderStages(sampleReport, { ...plain, width, verbose }).split('\n');
      for (const line of lines) assert.ok(line.length <= width, `${width}: ${line}`);
    }
  }
});

test('colour changes no text', () => {
  for (const verbose of [false, true]) {
    const coloured = renderStages(sampleReport, { ...plain, colour: true, verbose });
    assert.notEqual(coloured, stripVTControlCharacters(coloured));
    const trimmed = stripVTControlCharacters(coloured).replace(/ +$/gm, '');
    assert.equal(trimmed, renderStages(sampleReport, { ...plain, verbose }).replace(/ +$/gm, ''));
  }
});

test('without colour there is no escape and no trailing space', () => {
  for (const verbose of [false, true]) {
    const text = renderStages(sampleReport, { ...plain, verbose });
    assert.doesNotMatch(text, /\u001b/);
    assert.doesNotMatch(text, / $/m);
  }
});

test('the map shows every stage once, and only the taps between rules', () => {
  const lines = renderStages(sampleReport, plain).split('\n');
  const idsIn = (some: readonly string[]) =>
    some.flatMap((line) => /^ [●◆◌○] {2}([a-z][a-z0-9-]+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(idsIn(lines).toSorted(), stages.map(({ id }) => id).toSorted());
  const rules = lines.flatMap((line, at) => (line.startsWith('━┿━') ? [at] : []));
  assert.equal(rules.length, 4);
  const [first = 0, second = 0, third = 0, fourth = 0] = rules;
  assert.deepEqual(idsIn(lines.slice(first, second)), ['rx-tap']);
  assert.deepEqual(idsIn(lines.slice(third, fourth)), ['tx-tap']);
  assert.ok(lines.slice(first, second).some((line) => line.includes('generic XDP')));
});

test('the legend counts every stage once', () => {
  const text = renderStages(sampleReport, plain);
  const counts = [...text.matchAll(/^ [●◆◌○] {2} ?(\d+) /gm)].map(([, count]) => Number(count));
  assert.deepEqual(counts, [10, 1, 1, 15]);
});

test('a report of some stages draws these and leaves the others out', () => {
  const some = { ...sampleReport, stages: sampleReport.stages.filter(({ stage }) => stage.group === 'taps') };
  const text = renderStages(some, plain);
  assert.match(text, / {2}rx-tap /);
  assert.doesNotMatch(text, / {2}nf-input /);
});

test('the rung in use is marked even where the symbol carries a suffix', () => {
  const [entry] = sampleReport.stages.filter(({ stage }) => stage.id === 'rx-tap');
  const target = '__netif_receive_skb_core.constprop.0';
  const watch = { ...entry!.watch, mechanism: 'kprobe' as const, target, passedOver: [] };
  const page = renderStages({ kernel: '6.1.0', stages: [{ ...entry!, watch }] }, { ...plain, verbose: true });
  assert.match(page, /^ +2 ● kprobe __netif_receive_skb_core$/m);
  assert.doesNotMatch(page, /^ +\d ● (?!kprobe)/m);
});
