/** Random expressions over random frames: our evaluation against libpcap's own (pcap_offline_filter). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { verdict } from '../../../src/filter/filter.js';
import {
  compiledFor,
  RANDOM_PAIRS,
  RANDOM_SEED,
  randomExpression,
  randomFrame,
} from '../../support/filters/random.js';

const FRAMES_EACH = 20;
/** More than are needed, since libpcap refuses some. */
const EXPRESSIONS = 6_500;

it('every verdict is that of libpcap, and over fewer bytes the same or none', { timeout: 100_000 }, (t) => {
  let pairs = 0;
  let matches = 0;
  let refused = 0;
  const check = fc.property(
    randomExpression,
    fc.boolean(),
    fc.array(fc.tuple(randomFrame, fc.nat(100)), { minLength: FRAMES_EACH, maxLength: FRAMES_EACH }),
    (expression, optimize, frames) => {
      const filter = compiledFor(expression, optimize, 'file');
      if (!filter) {
        refused += 1;
        return;
      }
      for (const [bytes, kept] of frames) {
        const expected: number = filter.matchLibpcap(bytes, bytes.length) ? verdict.yes : verdict.no;
        assert.equal(filter.matchBytes(bytes, bytes.length), expected, `'${expression}'`);
        const cut = filter.matchBytes(bytes.subarray(0, kept), bytes.length);
        if (cut !== verdict.undecided) assert.equal(cut, expected, `'${expression}', ${kept} bytes`);
        pairs += 1;
        matches += expected;
      }
    },
  );
  fc.assert(check, { numRuns: EXPRESSIONS, seed: RANDOM_SEED });
  assert.ok(pairs >= RANDOM_PAIRS, `${pairs} pairs`);
  assert.ok(matches > pairs / 20 && matches < pairs - pairs / 20, `${matches} of ${pairs} match`);
  t.diagnostic(`${pairs} pairs, ${matches} match, ${refused} expressions refused`);
});
