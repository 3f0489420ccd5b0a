/**
 * Random expressions over random frames: the filter in the kernel (BPF_PROG_TEST_RUN) against libpcap's own evaluation
 * (pcap_offline_filter).
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Untranslatable } from '../../src/filter/ebpf.js';
import { type FilterAddon, filterAddon, verdict } from '../../src/filter/filter.js';
import { KernelFilterRun } from '../support/filter-run.js';
import { randomExpression, randomFrame } from '../support/filters/random.js';
import { PCAP_LINKTYPE } from '../support/pcap.js';
import { cannotRunLive } from '../support/world.js';

type NativeFilter = InstanceType<FilterAddon['Filter']>;

const skip = cannotRunLive() ?? false;
const { Filter } = filterAddon();
const PAIRS = 100_000;
/** Some are refused by libpcap, some loop. */
const EXPRESSIONS = 500;
const FRAMES_EACH = 250;

/** As the kernel's own classic programs are run. */
function compiled(expression: string, optimize: boolean): NativeFilter | undefined {
  try {
    return new Filter(expression, PCAP_LINKTYPE.ethernet, optimize, 'socket');
  } catch {
    return undefined;
  }
}

function loaded(filter: NativeFilter): KernelFilterRun | undefined {
  try {
    return new KernelFilterRun({ ethernet: filter.instructions() });
  } catch (error) {
    if (error instanceof Untranslatable && /protochain/.test(error.message)) return undefined;
    throw error;
  }
}

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
      const filter = compiled(expression, optimize);
      const run = filter && loaded(filter);
      if (!filter || !run) return;
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
  fc.assert(check, { numRuns: EXPRESSIONS, seed: 20260731 });
  assert.ok(pairs >= PAIRS, `${pairs} pairs`);
  assert.ok(dialect < pairs / 100, `${dialect} of ${pairs} pairs are evaluated otherwise by the kernel`);
  t.diagnostic(`${pairs} pairs, ${matches} match, ${dialect} evaluated otherwise by the kernel`);
});
