/**
 * Filters that decide in the kernel, over real packets: at every stage a filtered trace shows exactly those packets of an
 * unfiltered one that libpcap finds in it, segments in page fragments and chained datagrams included.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { filterAddon } from '../../src/filter/filter.js';
import { runTaptrace, runToEnd } from '../support/cli.js';
import { type TraceEvent, type TraceResult, Tracer } from '../support/tracer.js';
import { iperf, ping, udp, withUdpSink } from '../support/traffic.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['iperf3', 'tcpdump']) ?? false;
const DLT_EN10MB = 1;
const DLT_RAW = 12;
/** Of what is there without kprobes and fentry; the packets of a trace of all stages. */
const STAGES = [
  ...[
    'netif-rx',
    'rx-tap',
    'tc-ingress',
    'l4-rcv',
    'nf-prerouting',
    'nf-input',
    'nf-output',
    'nf-postrouting',
  ],
  ...['tc-egress', 'dev-queue', 'tx-tap', 'start-xmit', 'drop', 'consume'],
];
const BOTH = ['-i', 'v*', '-s', '0', '-B', '8192'];

/** With some of the stages each; together they have them all. */
const asked: readonly (readonly [expression: string, stages: string])[] = [
  ['udp port 9', 'taps,nf-prerouting,nf-output,tc-ingress'],
  ['tcp', 'netif-rx,dev-queue,nf-output'],
  ['tcp[tcpflags] & (tcp-syn|tcp-fin) != 0', 'taps,tc-egress'],
  ['icmp[icmptype] = icmp-echo', 'taps,nf-input,consume'],
  ['ip6 and udp', 'dev-queue,nf-postrouting'],
  ['host 192.0.2.1 and not tcp', 'consume,l4-rcv'],
  ['src net 192.0.2.0/25 and dst port 9', 'start-xmit,tc-egress'],
  ['len > 1400', 'taps,dev-queue'],
  ['ip[6:2] & 0x3fff != 0', 'taps,tc-ingress'],
  ['ip6 multicast or ip6[6] = 58', 'taps,tc-egress'],
  ['udp[100] != 0 or tcp[200:4] > 0x80000000', 'taps,drop'],
  ['ether[1000:4] & 1 = 1', 'taps,start-xmit'],
  ['ip[900] > 127 or ip[40] > 127', 'nf-input,nf-output'],
  ['ether src 02:00:00:00:00:0a and (arp or udp)', 'taps,tc-ingress'],
  ['tcp[((tcp[12] & 0xf0) >> 2):1] & 1 = 0', 'taps,netif-rx'],
];

interface Answer {
  readonly expression: string;
  readonly stages: readonly string[];
  readonly result: TraceResult;
}

const { Filter } = filterAddon();
let world: World;
let all: TraceResult;
const answers: Answer[] = [];

async function traffic({ a, b }: World): Promise<void> {
  await ping(a, b.ipv4, 5, 56);
  await ping(a, b.ipv6, 5, 3000);
  await withUdpSink(b, async () => {
    await udp(a, b.ipv4, 150, 10);
    await udp(a, b.ipv6, 2000, 10);
  });
  await iperf(a, b, b.ipv4, '300K');
}

before(async () => {
  if (skip) return;
  world = await createWorld();
  const names = ['--netns', world.a.netns.name, '--netns', world.b.netns.name];
  const start = (stages: string, words: readonly string[]): Promise<Tracer> =>
    Tracer.start([...names, ...BOTH, '--stages', stages, ...words]);
  const unfiltered = await start(STAGES.join(','), []);
  const tracers: Tracer[] = [];
  for (const [expression, stages] of asked) tracers.push(await start(stages, [expression]));
  await traffic(world);
  all = await unfiltered.stop();
  for (const [index, tracer] of tracers.entries()) {
    const result = await tracer.stop();
    const stages = Object.keys(result.header.plan);
    answers.push({ expression: asked[index]![0], stages, result });
  }
});
after(() => world?.close());

/** What makes an event the same in two traces; links of two traces at one hook are two events of each. */
const nameOf = ({ stage, hook, netns, skb, len, data }: TraceEvent): string =>
  [stage, hook?.hook ?? '', netns, skb, len, data].join(' ');

const sorted = (events: readonly TraceEvent[]): string[] => [...new Set(events.map(nameOf))].sort();

/** By libpcap, over the bytes that an unfiltered trace has. */
function wanted(expression: string, events: readonly TraceEvent[]): TraceEvent[] {
  const ethernet = new Filter(expression, DLT_EN10MB);
  const needsLinkHeader = expression.includes('ether');
  const raw = needsLinkHeader ? undefined : new Filter(expression, DLT_RAW);
  return events.filter(({ linkType, data, len }) => {
    const filter = linkType === 'ethernet' ? ethernet : raw;
    return data !== undefined && filter?.matchLibpcap(Buffer.from(data, 'hex'), len);
  });
}

describe('filters that decide in the kernel', { skip }, () => {
  for (const [expression] of asked)
    it(`'${expression}' lets through what libpcap does`, () => {
      const { stages, result } = answers.find((one) => one.expression === expression)!;
      const expected = wanted(expression, all.events).filter(({ stage }) => stages.includes(stage));
      assert.deepEqual(sorted(result.events), sorted(expected));
      assert.equal(result.header.filterRuns, 'kernel');
      assert.ok(result.summary.filteredOut > 0, 'something is left out');
    });

  it('each of them lets something through, and all stages are asked', () => {
    const silent = answers.filter(({ result }) => result.events.length === 0);
    assert.deepEqual(
      silent.map(({ expression }) => expression),
      [],
    );
    const seen = new Set(answers.flatMap(({ result }) => result.events.map(({ stage }) => stage)));
    const there = new Set(all.events.map(({ stage }) => stage));
    assert.deepEqual(
      [...there].filter((stage) => !seen.has(stage)),
      [],
    );
  });

  it('packets in page fragments are among them', () => {
    const { result } = answers.find(({ expression }) => expression.startsWith('ether[1000:4]'))!;
    assert.ok(
      result.events.some(({ len }) => len > 10_000),
      'large segments',
    );
  });
});

describe('a filter that cannot decide in the kernel', { skip }, () => {
  it('one that loops runs in user space, and says so', async () => {
    const tracer = await Tracer.start([
      '--netns',
      world.a.netns.name,
      '--stages',
      'taps',
      'ip6 protochain 17',
    ]);
    await udp(world.a, world.b.ipv6, 100, 5);
    const { header, events, stderr } = await tracer.stop();
    assert.equal(header.filterRuns, 'user');
    assert.match(stderr, /^taptrace: the filter runs in user space everywhere: it loops \(protochain\)$/m);
    assert.equal(events.filter(({ stage }) => stage === 'tx-tap').length, 5);
  });

  it('one that asks for a link header is told where there is none', async () => {
    const tracer = await Tracer.start([
      '--netns',
      world.a.netns.name,
      '--stages',
      'tx-tap,nf-output',
      'ether multicast',
    ]);
    await ping(world.a, world.b.ipv4, 1, 56);
    const { events, stderr } = await tracer.stop();
    assert.match(stderr, /^taptrace: not decidable at nf-output: /m);
    assert.match(stderr, /could not be decided by the filter/);
    assert.deepEqual(
      events.filter(({ stage }) => stage === 'nf-output'),
      [],
    );
  });
});

describe('-d prints the compiled program', { skip }, () => {
  it('as tcpdump does, and attaches nothing', async () => {
    for (const expression of ['tcp port 443 and host 192.0.2.1', 'udp[4:2] > 100', '']) {
      const ours = await runTaptrace(['-d', expression]);
      const theirs = await runToEnd(['tcpdump', '-i', 'lo', '-d', expression]);
      assert.equal(ours.stdout, theirs.stdout);
      assert.equal(ours.exit.code, 0);
      assert.equal(ours.stderr, '');
    }
  });
});
