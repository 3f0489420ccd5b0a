/**
 * The filter in the kernel (BPF_PROG_TEST_RUN of the routine that every program asks) against the one in user space and
 * against libpcap's own: every expression over every frame of the corpus.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filterAddon, PacketFilter, type Verdict, verdict } from '../../src/filter/filter.js';
import { KernelFilterRun, type TestFrame } from '../support/filter-run.js';
import { distinct, untagged, verdictOnArrival } from '../support/filters/arrived.js';
import {
  dialectExpressions,
  expressions,
  liveExpressions,
  vlanExpressions,
} from '../support/filters/expressions.js';
import { corpusFrames, type Frame } from '../support/filters/frames.js';
import { PCAP_LINKTYPE } from '../support/pcap.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive() ?? false;
const { Filter } = filterAddon();
/** What a test run takes in one piece, with a tag put into it (net/bpf/test_run.c). */
const RUN_BYTES_MAX = 3400;
/** The shortest frame that a test run takes with a tag beside it. */
const TAGGED_BYTES_MIN = 54;
const LOOPBACK = 1;
/** libpcap's optimizer takes ten seconds for longer ones. */
const LONG = 5000;

const frames = distinct(
  corpusFrames().filter(({ bytes }) => bytes.length > 0 && bytes.length <= RUN_BYTES_MAX),
);

/** What the kernel says of frames. */
function inKernel(ethernet: Uint8Array, asked: readonly TestFrame[]): Verdict[] {
  const run = new KernelFilterRun({ ethernet });
  try {
    return run.verdicts(asked);
  } finally {
    run.close();
  }
}

describe('the kernel says what user space says', { skip }, () => {
  const differs = new Set<string>();
  let pairs = 0;
  let matches = 0;

  function compare(expression: string, asked: readonly Frame[], ours: readonly number[], kernel: Verdict[]) {
    const wrong = asked.filter((_, at) => ours[at] !== kernel[at]);
    assert.deepEqual(
      wrong.map(({ name }) => name),
      [],
      `'${expression}'`,
    );
    pairs += asked.length;
    matches += kernel.filter((one) => one === verdict.yes).length;
  }

  it('every expression over every frame, tags in the bytes; and what libpcap says of it', () => {
    for (const expression of expressions) {
      const filter = new Filter(expression, PCAP_LINKTYPE.ethernet, expression.length < LONG, 'socket');
      const kernel = inKernel(filter.instructions(), frames);
      const ours = frames.map(({ bytes }) => filter.matchBytes(bytes, bytes.length));
      compare(expression, frames, ours, kernel);
      for (const [at, { bytes }] of frames.entries())
        if (filter.matchLibpcap(bytes, bytes.length) !== (kernel[at] === verdict.yes))
          differs.add(expression);
    }
  });

  it('what has to do with tags, direction or interface over every frame, tags beside the bytes', () => {
    const received = frames.flatMap((frame) => {
      const asked = untagged(frame);
      const isLong = asked && (!asked.tag || asked.bytes.length >= TAGGED_BYTES_MIN);
      return isLong ? [{ frame, asked }] : [];
    });
    assert.ok(received.filter(({ asked }) => asked.tag).length >= 60);
    for (const expression of [...vlanExpressions, ...liveExpressions]) {
      const filter = new PacketFilter(expression);
      assert.equal(filter.note, undefined);
      const kernel = inKernel(
        filter.programs!.ethernet,
        received.map(({ asked }) => asked),
      );
      const whole = received.map(({ frame }) => frame);
      compare(
        expression,
        whole,
        whole.map((frame) => verdictOnArrival(filter, frame, LOOPBACK)),
        kernel,
      );
    }
  });

  it('only known expressions differ from libpcap', (t) => {
    assert.deepEqual([...differs].sort(), [...dialectExpressions].sort());
    assert.ok(pairs > 300_000 && matches > pairs / 20, `${pairs} pairs, ${matches} match`);
    t.diagnostic(`${pairs} pairs, ${matches} match`);
  });
});
