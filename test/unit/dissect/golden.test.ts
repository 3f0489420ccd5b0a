/** Summaries against what tcpdump 4.99.3 printed of the same packets, kept as files. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { assertSame, FIXTURES, fixture, fixtureNames, splitOutput, summaries, VARIANTS } from './corpus.js';

/** Packets of a fixture that only a rule of corpus.ts lets pass; all others are the same to the last character. */
const RELAXED: Readonly<Record<string, number>> = {
  ipv4: 5,
  'ipv4.v': 5,
  ipv6: 2,
  link: 12,
  'link.e': 12,
  tcp: 2,
  'tcp.S': 2,
  udp: 12,
};

describe('summaries are the text that tcpdump printed', () => {
  for (const name of fixtureNames()) {
    for (const [suffix, { flags, options }] of Object.entries(VARIANTS)) {
      const golden = join(FIXTURES, `${name}${suffix}.txt`);
      if (!existsSync(golden)) continue;
      it(`${name} ${flags.join(' ')}`, () => {
        const texts = summaries(fixture(name), options);
        const printed = splitOutput(readFileSync(golden, 'latin1'));
        assert.equal(texts.length, printed.length, 'packets');
        const relaxed = texts.filter((text, i) => assertSame(text, printed[i]!, `${name} packet ${i + 1}`));
        assert.equal(
          relaxed.length,
          RELAXED[name + suffix] ?? 0,
          `packets that need a rule: ${relaxed.join('\n')}`,
        );
      });
    }
  }

  it('every fixture has a golden', () => {
    for (const name of fixtureNames()) assert.ok(existsSync(join(FIXTURES, `${name}.txt`)), name);
  });
});
