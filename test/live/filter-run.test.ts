/**
 * What the filter says in the kernel (BPF_PROG_TEST_RUN of the routine that every program asks) is what libpcap says
 * of the same bytes.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Untranslatable } from '../../src/filter/ebpf.js';
import { filterAddon, verdict } from '../../src/filter/filter.js';
import { KernelFilterRun } from '../support/filter-run.js';
import { PCAP_LINKTYPE, readPcap } from '../support/pcap.js';
import { cannotRunLive } from '../support/world.js';
import { expressions } from '../unit/filter/expressions.js';

const skip = cannotRunLive([]) ?? false;
const DLT_RAW = 12;
/** What a test run takes in one piece (net/bpf/test_run.c: a page without headroom and skb_shared_info). */
const RUN_BYTES_MAX = 3400;
const directory = 'test/fixtures/dissect';
const packets = readdirSync(directory)
  .filter((name) => name.endsWith('.pcap'))
  .flatMap((name) => [...readPcap(readFileSync(join(directory, name)))]);
const frames = packets.filter(
  ({ linkType, bytes }) =>
    linkType === PCAP_LINKTYPE.ethernet && bytes.length > 0 && bytes.length <= RUN_BYTES_MAX,
);
const { Filter } = filterAddon();

const named = (yes: boolean): number => (yes ? verdict.yes : verdict.no);

describe('the kernel says what libpcap says', { skip }, () => {
  it(`of every frame of the fixtures, to every expression`, () => {
    assert.ok(frames.length > 500, `${frames.length} frames`);
    const loops: string[] = [];
    const wrong: string[] = [];
    for (const expression of expressions)
      for (const optimize of [true, false]) {
        const filter = new Filter(expression, PCAP_LINKTYPE.ethernet, optimize);
        let run: KernelFilterRun;
        try {
          run = new KernelFilterRun({ ethernet: filter.instructions() });
        } catch (error) {
          if (!(error instanceof Untranslatable)) throw new Error(`'${expression}'`, { cause: error });
          loops.push(expression);
          continue;
        }
        for (const [index, answer] of run.verdicts(frames).entries()) {
          const { bytes } = frames[index]!;
          if (answer !== named(filter.matchLibpcap(bytes, bytes.length)))
            wrong.push(`'${expression}' (${optimize ? '' : 'not '}optimized), frame ${index}: ${answer}`);
        }
        run.close();
      }
    assert.deepEqual(wrong, []);
    assert.ok(
      loops.every((expression) => /protochain/.test(expression)),
      loops.join(),
    );
  });

  it('of packets without link header', () => {
    const raw = packets.filter(({ linkType }) => linkType === PCAP_LINKTYPE.raw);
    assert.ok(raw.length > 0);
    const bytes = raw.map((one) => one.bytes);
    for (const expression of [
      'ip',
      'ip6',
      'tcp port 80',
      'icmp',
      'host 192.0.2.1',
      'len > 60',
      'ip[8] > 64',
    ]) {
      const filter = new Filter(expression, DLT_RAW);
      const ethernet = new Filter(expression, PCAP_LINKTYPE.ethernet).instructions();
      const run = new KernelFilterRun({ ethernet, raw: filter.instructions() });
      const answers = run.rawVerdicts(bytes);
      run.close();
      assert.deepEqual(
        answers,
        bytes.map((one) => named(filter.matchLibpcap(one, one.length))),
        expression,
      );
    }
  });
});
