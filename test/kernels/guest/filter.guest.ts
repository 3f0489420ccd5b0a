/**
 * Filters in this kernel: what the routine that every program asks says of the corpus (BPF_PROG_TEST_RUN) is what libpcap
 * says, and the kernel takes the programs of the taps with a filter in them.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { filterAddon, PacketFilter, verdict } from '../../../src/filter/filter.js';
import { runToEnd } from '../../support/cli.js';
import { KernelFilterRun } from '../../support/filter-run.js';
import { distinct, untagged, verdictOnArrival } from '../../support/filters/arrived.js';
import { dialectExpressions, expressions, fileExpressions } from '../../support/filters/expressions.js';
import { corpusFrames } from '../../support/filters/frames.js';
import { PCAP_LINKTYPE } from '../../support/pcap.js';
import { patient } from '../../support/process.js';
import { Tracer, tracerCommand } from '../../support/tracer.js';
import { ping, udp, withUdpSink } from '../../support/traffic.js';
import { createWorld, type World } from '../../support/world.js';

const { Filter } = filterAddon();
const LOOPBACK = 1;
/** What a test run takes in one piece, and the shortest frame that it takes with a tag beside it. */
const RUN_BYTES_MAX = 3400;
const TAGGED_BYTES_MIN = 54;
const EXPRESSIONS = 30;
/** Those above keep libpcap's optimizer, or the emulated verifier, busy for long. */
const EXPRESSION_LENGTH_MAX = 200;

/** Spread over the whole list, which goes from chapter to chapter of pcap-filter(7). */
function spread<T>(all: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, at) => all[Math.floor((at * all.length) / count)]!);
}

const isPlain = (expression: string): boolean =>
  expression.length < EXPRESSION_LENGTH_MAX &&
  ![...dialectExpressions, ...fileExpressions].includes(expression) &&
  !expression.includes('protochain');
const asked = [...spread(expressions.filter(isPlain), EXPRESSIONS), 'ip6 protochain 17'];
const askedOfTags = [
  'vlan',
  'vlan 10 and udp',
  'ip and not vlan',
  'vlan and vlan',
  'vlan 10 or not inbound or ifindex 2',
];

/** A test run takes half a millisecond and more in an emulated kernel; the host's tests have all frames. */
const frames = distinct(
  corpusFrames().filter(({ bytes }) => bytes.length > 0 && bytes.length <= RUN_BYTES_MAX),
).filter((_, at) => at % 3 === 0);

function runOnce<T>(run: KernelFilterRun, use: (run: KernelFilterRun) => T): T {
  try {
    return use(run);
  } finally {
    run.close();
  }
}

describe('the filter in this kernel says what libpcap says', () => {
  let matched = 0;
  for (const expression of asked)
    it(`'${expression}'`, () => {
      const filter = new Filter(expression, PCAP_LINKTYPE.ethernet, true, 'socket');
      const run = new KernelFilterRun({ ethernet: filter.instructions() });
      const answers = runOnce(run, () => run.verdicts(frames));
      const wrong = frames.filter(({ bytes }, at) => {
        const matches = filter.matchLibpcap(bytes, bytes.length);
        matched += Number(matches);
        return answers[at] !== (matches ? verdict.yes : verdict.no);
      });
      assert.deepEqual(
        wrong.map(({ name }) => name),
        [],
      );
    });

  it('some frames match and most do not', () => {
    assert.ok(frames.length > 200);
    assert.ok(matched > frames.length && matched < (frames.length * EXPRESSIONS) / 2, `${matched}`);
  });

  const received = frames.flatMap((frame) => {
    const one = untagged(frame);
    return one && (!one.tag || one.bytes.length >= TAGGED_BYTES_MIN) ? [{ frame, one }] : [];
  });
  for (const expression of askedOfTags)
    it(`'${expression}', tags beside the bytes`, () => {
      const filter = new PacketFilter(expression);
      assert.equal(filter.note, undefined);
      const run = new KernelFilterRun({ ethernet: filter.programs!.ethernet });
      const answers = runOnce(run, () => run.verdicts(received.map(({ one }) => one)));
      const expected = received.map(({ frame }) => verdictOnArrival(filter, frame, LOOPBACK));
      assert.deepEqual(answers, expected);
      assert.ok(answers.includes(verdict.yes) && answers.includes(verdict.no));
    });
});

describe('the kernel takes the taps with a filter in them', { timeout: patient(60_000) }, () => {
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world?.close());

  for (const arm of [false, true])
    it(arm ? 'armed' : 'passive', async () => {
      const { a, b } = world;
      const options = ['--netns', b.netns.name, '--stages', 'taps', ...(arm ? ['--arm'] : [])];
      const tracer = await Tracer.start([...options, 'icmp[icmptype] = icmp-echo or (udp and len > 500)']);
      await ping(a, b.ipv4, 5, 56);
      await withUdpSink(b, async () => {
        for (const size of [100, 1000]) await udp(a, b.ipv4, size, 7);
      });
      const { header, events, summary, stderr } = await tracer.stop();
      assert.equal(header.filterRuns, 'kernel', stderr);
      assert.equal(events.filter(({ proto }) => proto === 'icmp').length, 5);
      assert.equal(events.filter(({ proto }) => proto === 'udp').length, 7);
      assert.equal(events.length, 12);
      assert.notEqual(summary.complete, false, stderr);
    });

  it('armed, without CAP_PERFMON', async () => {
    const rights = ['--bounding-set=-all,+bpf,+net_raw', '--inh-caps=-all'];
    const options = ['trace', '--json', '-i', 'lo', '--stages', 'taps', '--arm', '--duration', '0.1'];
    const filter = 'tcp port 80 or udp[8] & 0xf = 5';
    const { stdout, stderr } = await runToEnd(['setpriv', ...rights, ...tracerCommand(), ...options, filter]);
    assert.equal(JSON.parse(stdout.split('\n', 1)[0]!).filterRuns, 'kernel', stderr);
  });
});
