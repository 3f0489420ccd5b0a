/**
 * Random expressions over random frames: the filter in the kernel (BPF_PROG_TEST_RUN) against libpcap's own evaluation
 * (pcap_offline_filter).
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { verdict } from '../../src/filter/filter.js';
import { KernelFilterRun } from '../support/filter-run.js';
import {
  compiledFor,
  RANDOM_PAIRS,
  RANDOM_SEED,
  randomExpression,
  randomFrame,
} from '../support/filters/random.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive() ?? false;
/** Some are refused by libpcap. */
const EXPRESSIONS = 500;
const FRAMES_EACH = 250;

it('every verdict of the kernel is that of libpcap, or of the kernel where those differ', { skip }, (t) => {
  let pairs = 0;
  let matches = 0;
  let dialect = 0;
  const check = fc.property(
    randomExpression,
    fc.boolean(),
    fc.array(
      randomFrame.filter(({ length }) => length > 0),
      { minLength: FRAMES_EACH, maxLength: FRAMES_EACH },
    ),
    (expression, optimize, frames) => {
      // As the kernel's own classic programs are run.
      const filter = compiledFor(expression, optimize, 'socket');
      if (!filter) return;
      const run = new KernelFilterRun({ ethernet: filter.instructions() });
      try {
        const kernel = run.verdicts(frames.map((bytes) => ({ bytes })));
        for (const [at, bytes] of frames.entries()) {
          const libpcap = filter.matchLibpcap(bytes, bytes.length) ? verdict.yes : verdict.no;
          const ours = filter.matchBytes(bytes, bytes.length);
          assert.equal(kernel[at], ours, `'${expression}', frame ${at}`);
          if (ours !== libpcap) dialect += 1;
          pairs += 1;
          matches += libpcap;
        }
      } finally {
        run.close();
      }
    },
  );
  fc.assert(check, { numRuns: EXPRESSIONS, seed: RANDOM_SEED });
  assert.ok(pairs >= RANDOM_PAIRS, `${pairs} pairs`);
  assert.ok(dialect < pairs / 100, `${dialect} of ${pairs} pairs are evaluated otherwise by the kernel`);
  t.diagnostic(`${pairs} pairs, ${matches} match, ${dialect} evaluated otherwise by the kernel`);
});
