/** docs/schema.json and docs/library.md are what the sources say, and the schema lets nothing else pass. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lineSchema } from '../../../scripts/schema.js';
import { checkLines, faultsOf, lineKinds } from '../../support/schema.js';

const eventLines = readFileSync('test/fixtures/render/events.jsonl', 'utf8');
const [event] = eventLines.split('\n').map((line) => (line ? (JSON.parse(line) as object) : {}));

describe('the schema', () => {
  it('is what the types say', () => {
    assert.equal(readFileSync('docs/schema.json', 'utf8'), lineSchema(), 'run "make generate"');
  });

  it('has every kind of line', () => {
    const kinds = ['header', 'event', 'gap', 'journey', 'summary', 'comparison', 'stages', 'doctor'];
    const ofCaptures = ['capture', 'interface', 'packet', 'capture-summary'];
    assert.deepEqual(lineKinds, [...kinds, ...ofCaptures]);
  });

  it('takes the lines of goldens', () => {
    assert.ok(checkLines(eventLines).event! > 10);
    assert.ok(checkLines(readFileSync('test/fixtures/record/journeys.jsonl', 'utf8')).journey! > 3);
    assert.equal(checkLines(readFileSync('test/fixtures/record/comparison.jsonl', 'utf8')).comparison, 1);
    // The golden leaves out what the stage table's own goldens show.
    const header = JSON.parse(readFileSync('test/fixtures/render/header.json', 'utf8')) as object;
    assert.deepEqual(faultsOf({ ...header, watches: [] }), []);
  });

  for (const [what, change, fault] of [
    ['a key that it does not name', { colour: 'red' }, /additional properties.*colour/],
    ['a value of another type', { cpu: '0' }, /event\/cpu must be number/],
    ['a stage that there is not', { stage: 'wire' }, /event\/stage must be equal to one of/],
    ['a key that is missing', { tsNs: undefined }, /required property 'tsNs'/],
    ['another type of line', { type: 'noise' }, /no line is of type noise/],
  ] as const)
    it(`refuses ${what}`, () => {
      const line = JSON.parse(JSON.stringify({ ...event, ...change })) as unknown;
      assert.match(faultsOf(line).join(), fault);
    });
});

describe('the reference of the library', () => {
  it('is what the docstrings say', () => {
    const dir = mkdtempSync(join(tmpdir(), 'taptrace-typedoc-'));
    try {
      execFileSync('node_modules/.bin/typedoc', ['--logLevel', 'Warn', '--out', dir], { stdio: 'pipe' });
      const made = readFileSync(join(dir, 'library.md'), 'utf8');
      assert.equal(readFileSync('docs/library.md', 'utf8'), made, 'run "make generate"');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
