/** Filters of recordings against the tcpdump that is installed: `tcpdump -r file expression`, for every frame. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { classicInstructions } from '../../../src/filter/classic.js';
import { expressionIn } from '../../../src/filter/expression.js';
import { filterAddon, verdict } from '../../../src/filter/filter.js';
import { expressions, liveExpressions, refusedExpressions } from '../../support/filters/expressions.js';
import { corpusFrames } from '../../support/filters/frames.js';
import { PCAP_LINKTYPE, readPcap, writePcap } from '../../support/pcap.js';

const skip = spawnSync('tcpdump', ['--version']).error ? 'tcpdump is not installed' : false;
const frames = corpusFrames();
const { Filter } = filterAddon();
const LONG = 5000;
const filters = new Map(
  expressions.map((expression) => [
    expression,
    new Filter(expression, PCAP_LINKTYPE.ethernet, expression.length < LONG),
  ]),
);

let directory: string;
let file: string;

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'taptrace-filter-'));
  file = join(directory, 'corpus.pcap');
  writeFileSync(file, writePcap(PCAP_LINKTYPE.ethernet, frames));
});
after(() => rmSync(directory, { recursive: true }));

function tcpdump(expression: string): { stdout: Buffer; stderr: string; status: number | null } {
  const options = { maxBuffer: 64 * 1024 * 1024 };
  const { stdout, stderr, status } = spawnSync('tcpdump', ['-r', file, '-w', '-', '--', expression], options);
  return { stdout, stderr: stderr.toString(), status };
}

/** The places of the frames that tcpdump lets through. */
function accepted(expression: string): Set<number> {
  const { stdout, stderr, status } = tcpdump(expression);
  assert.equal(status, 0, `'${expression}': ${stderr}`);
  return new Set([...readPcap(stdout)].map(({ tsNs }) => Number(tsNs / 1_000_000_000n)));
}

/** Our verdict on each frame. */
function verdicts(expression: string): number[] {
  const filter = filters.get(expression)!;
  return frames.map(({ bytes }) => filter.matchBytes(bytes, bytes.length));
}

describe('filters of recordings are those of tcpdump -r', { skip }, () => {
  it('the corpus is as large as was asked for', () => {
    assert.ok(frames.length >= 500, `${frames.length} frames`);
    assert.ok(expressions.length >= 300, `${expressions.length} expressions`);
    for (const names of [frames.map(({ name }) => name), expressions])
      assert.equal(new Set(names).size, names.length);
  });

  it('every expression over every frame', () => {
    for (const expression of expressions) {
      const oracle = accepted(expression);
      const ours = verdicts(expression);
      const wrong = frames.filter((_, at) => ours[at] !== (oracle.has(at) ? verdict.yes : verdict.no));
      assert.deepEqual(
        wrong.map(({ name }) => name),
        [],
        `'${expression}'`,
      );
    }
  });

  it('most expressions let some frames through and not others', () => {
    const telling = expressions.filter((expression) => new Set(verdicts(expression)).size === 2);
    assert.ok(telling.length > 0.85 * expressions.length, `${telling.length} of ${expressions.length}`);
  });

  it('what tcpdump refuses is refused in the same words', () => {
    for (const [expression, words] of refusedExpressions) {
      const { stderr, status } = tcpdump(expression);
      assert.equal(status, 1, `'${expression}'`);
      assert.match(stderr, words, `'${expression}'`);
      assert.throws(() => new Filter(expression, PCAP_LINKTYPE.ethernet), words, `'${expression}'`);
    }
  });

  it('a file with an expression is read as tcpdump reads it', () => {
    const files = [
      'udp port 53',
      '  udp port 53\n   or tcp\n',
      'udp port 53 # DNS\n# and\nor tcp # segments',
      '# nothing else\n',
      '',
      'ip[2:2] >\n\t100',
      'tcp#no blank\nport 80',
    ];
    for (const text of files) {
      const path = join(directory, 'expression');
      writeFileSync(path, text);
      const { stdout, status } = spawnSync('tcpdump', ['-y', 'EN10MB', '-ddd', '-F', path], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, text);
      const ours = classicInstructions(new Filter(expressionIn(text), PCAP_LINKTYPE.ethernet).instructions());
      const lines = ours.map(({ code, jumpTrue, jumpFalse, k }) => `${code} ${jumpTrue} ${jumpFalse} ${k}`);
      assert.deepEqual([String(ours.length), ...lines], stdout.trim().split('\n'), text);
    }
  });

  it('what only a live capture knows, tcpdump refuses for files', () => {
    for (const expression of liveExpressions) assert.equal(tcpdump(expression).status, 1, `'${expression}'`);
  });
});
