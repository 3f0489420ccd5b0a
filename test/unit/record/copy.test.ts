/** A recording written from a recording. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { packagePath } from '../../../src/native/binding.js';
import { assertGolden } from '../stages/golden.js';
import { fixture, replayed } from './replaying.js';

const main = packagePath('dist/bin/taptrace/main.js');
const directory = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
after(() => rmSync(directory, { recursive: true }));
const original = fixture('path.format1');
const copy = join(directory, 'copy.taptrace');

function taptrace(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

const linesOf = (...args: string[]): string[] =>
  taptrace(...args)
    .stdout.trimEnd()
    .split('\n');

describe('a recording written again', () => {
  it('is the same, byte for byte', () => {
    assert.match(taptrace('read', original, '-w', copy).stderr, /^taptrace: 132 events are in /);
    assert.deepEqual(readFileSync(copy), readFileSync(original));
  });

  it('with a filter, stages or a device holds what is shown with them', async () => {
    for (const words of [
      ['udp'],
      ['--stages', 'taps,drop'],
      ['-i', 'br', '--stages', 'netfilter', 'icmp'],
      ['-c', '7', 'dst port 7004'],
    ]) {
      taptrace('read', original, '-w', copy, ...words);
      const shown = linesOf('read', original, ...words);
      assert.deepEqual(linesOf('read', copy), shown, words.join(' '));
      assert.ok(shown.length > 3, words.join(' '));
      assert.equal((await replayed(copy)).events.length, shown.length);
    }
  });

  it('goes through pipes', () => {
    const line = `"$0" "$1" read - -w - < ${original} | "$0" "$1" read - --view path --json`;
    const piped = spawnSync('sh', ['-c', line, process.execPath, main], { encoding: 'utf8' });
    assert.equal(piped.stdout, taptrace('read', original, '--view', 'path', '--json').stdout);
    assert.equal(piped.status, 0);
  });

  it('is cut where the original is, and says so', () => {
    const cut = join(directory, 'cut.taptrace');
    writeFileSync(cut, readFileSync(original));
    truncateSync(cut, 40_000);
    const { status, stderr } = taptrace('read', cut, '-w', copy);
    assert.equal(status, 1);
    assert.match(stderr, /ends in the middle/);
    const whole = readFileSync(copy);
    assert.deepEqual(whole, readFileSync(original).subarray(0, whole.length));
  });
});

describe('a recording of format 1', () => {
  for (const [golden, ...words] of [
    ['events.txt', '-t', '-e'],
    ['journeys.jsonl', '--view', 'path', '--json'],
    ['comparison.jsonl', '--view', 'compare', '--json'],
  ] as const)
    it(`is shown as ever: ${golden}`, () => {
      const { status, stdout } = taptrace('read', original, ...words);
      assert.equal(status, 0);
      assertGolden(`test/fixtures/record/${golden}`, stdout);
    });
});
