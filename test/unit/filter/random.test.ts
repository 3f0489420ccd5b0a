/** Random expressions over random frames: our evaluation against libpcap's own (pcap_offline_filter). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { type FilterAddon, filterAddon, verdict } from '../../../src/filter/filter.js';
import { randomExpression, randomFrame } from '../../support/filters/random.js';
import { PCAP_LINKTYPE } from '../../support/pcap.js';

type NativeFilter = InstanceType<FilterAddon['Filter']>;

const { Filter } = filterAddon();
const PAIRS = 100_000;
const FRAMES_EACH = 20;
/** More than are needed, since libpcap refuses some. */
const EXPRESSIONS = 6_500;

function compiled(expression: string, optimize: boolean): NativeFilter | undefined {
  try {
    return new Filter(expression, PCAP_LINKTYPE.ethernet, optimize);
  } catch {
    return undefined;
  }
}

it('every verdict is that of libpcap, and over fewer bytes the same or none', { timeout: 100_000 }, (t) => {
  let pairs = 0;
  let matches = 0;
  let refused = 0;
  const check = fc.property(
    randomExpression,
    fc.boolean(),
    fc.array(fc.tuple(randomFrame, fc.nat(100)), { minLength: FRAMES_EACH, maxLength: FRAMES_EACH }),
    (expression, optimize, frames) => {
      const filter = compiled(expression, optimize);
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
  fc.assert(check, { numRuns: EXPRESSIONS, seed: 20260731 });
  assert.ok(pairs >= PAIRS, `${pairs} pairs`);
  assert.ok(matches > pairs / 20 && matches < pairs - pairs / 20, `${matches} of ${pairs} match`);
  t.diagnostic(`${pairs} pairs, ${matches} match, ${refused} expressions refused`);
});
