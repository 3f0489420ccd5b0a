/**
 * The text of packets against the text of tcpdump, packet by packet over the whole corpus: addresses, ports,
 * flags, sequence numbers, lengths, ARP and ICMP kinds. JSON has absolute sequence numbers, as `tcpdump -S`;
 * lines for people have relative ones, counted for both taps of the device as `tcpdump -i` does.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CORPUS } from '../support/corpus.js';
import { markerBytes } from '../support/frames.js';
import { Child } from '../support/process.js';
import { mark, vethScene } from '../support/session.js';
import { Capture, describeCapture } from '../support/tcpdump.js';
import { type TraceEvent, Tracer, traceCommand } from '../support/tracer.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump', 'iperf3', 'ethtool']) ?? false;
const PACKETS_WANTED = 5_000;

const MARKER = /ethertype Unknown \(0x88b6\)/;
const END = 'end of the text test';
const UPKEEP = /^ARP,|ICMP6, (neighbor|router|multicast listener)/;

/**
 * The texts between the markers, traffic before neighbour upkeep: the order between the two is undefined.
 * Each end sends a marker, so one tap sees one and both taps together see two.
 */
function compared(texts: readonly string[], taps = 1): string[] {
  const marked = texts.flatMap((text, at) => (MARKER.test(text) ? [at] : []));
  assert.equal(marked.length, 2 * taps, 'markers at the start and at the end');
  const between = texts.slice(marked[taps - 1]! + 1, marked[taps]);
  return [...between.filter((text) => !UPKEEP.test(text)), ...between.filter((text) => UPKEEP.test(text))];
}

/** tcpdump's text without the hex dump that it adds where it has no printer. */
function withoutHexDump(text: string): string {
  return text.replace(/:?\s*\n\t0x.*$/s, '');
}

/** The packet's part of a line that `taptrace trace -t` prints: no stage, function, device, no notes. */
function packetPart(line: string): string {
  return line.replace(/^[rt]x-tap +\S+ +\S+ /, '').replace(/ \[(?!\|)[^\]]*\]$/, '');
}

function assertSameTexts(actual: readonly string[], expected: readonly string[]): void {
  assert.equal(actual.length, expected.length);
  const different = expected.flatMap((text, at) =>
    text === actual[at] ? [] : [`packet ${at}\n  tcpdump:  ${text}\n  taptrace: ${actual[at]}`],
  );
  assert.deepEqual(different.slice(0, 10), [], `${different.length} of ${expected.length} texts differ`);
}

/** What two programs say of the same packets. */
interface Texts {
  readonly taptrace: string[];
  readonly tcpdump: string[];
}

/** What the observers of one end print of the corpus. */
interface Printed {
  readonly events: readonly TraceEvent[];
  readonly lines: readonly string[];
  readonly captures: Readonly<Record<'rx' | 'tx' | 'both', Capture>>;
}

/** Runs the corpus while tcpdump and two taptraces, one of each output, watch one end. */
async function watchCorpus(world: World): Promise<Printed> {
  const scene = vethScene(world);
  const watched = ['--netns', world.b.netns.name, '-i', world.b.device, '-s', '0'];
  const captures = {
    rx: await Capture.start(world, world.b, { direction: 'in' }),
    tx: await Capture.start(world, world.b, { direction: 'out' }),
    both: await Capture.start(world, world.b),
  };
  const tracer = await Tracer.start(watched);
  const printer = new Child(traceCommand(['-t', ...watched]));
  await printer.until(() => printer.stderr.includes('watching'), 'attached programs');
  const linesOf = () => printer.stdout.trimEnd().split('\n');

  await mark(scene, 'start of the text test');
  for (const { run } of CORPUS) await run(world);
  await mark(scene, END);

  await tracer.untilData(markerBytes(END), 2);
  await printer.until(() => linesOf().filter((line) => MARKER.test(line)).length === 4, 'markers');
  for (const capture of Object.values(captures)) {
    await capture.until(END);
    await capture.stop();
  }
  await printer.stop('SIGINT');
  assert.match(printer.stderr, /complete: nothing was lost/);
  const { events, summary } = await tracer.stop();
  assert.equal(summary.complete, true, JSON.stringify(summary));
  return { events, lines: linesOf(), captures };
}

async function tcpdumpTexts(capture: Capture, options: string[]): Promise<string[]> {
  return (await describeCapture(capture.path, options)).map(withoutHexDump);
}

/** JSON of one tap, absolute numbers. */
async function summaries({ events, captures }: Printed, direction: 'rx' | 'tx'): Promise<Texts> {
  const ofTap = events.filter(({ stage }) => stage === `${direction}-tap`);
  return {
    taptrace: compared(ofTap.map(({ summary }) => summary ?? '')),
    tcpdump: compared(await tcpdumpTexts(captures[direction], ['-S'])),
  };
}

/** Lines of both taps, relative numbers. Each marker is seen at the tap where it goes in, one direction only. */
async function printedLines({ lines, captures }: Printed): Promise<Texts> {
  return {
    taptrace: compared(lines.map(packetPart), 2),
    tcpdump: compared(await tcpdumpTexts(captures.both, []), 2),
  };
}

/** What has to be in the corpus, or it proves little. */
const KINDS: readonly [string, RegExp][] = [
  ['ICMP echo', /^IP 192\.0\.2\.1 > 192\.0\.2\.2: ICMP echo request, id \d+, seq \d+, length 64$/],
  ['ICMPv6 echo', /^IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request, id \d+, seq \d+, length 64$/],
  ['ARP request', /^ARP, Request who-has 192\.0\.2\.2 tell 192\.0\.2\.1, length 28$/],
  ['ARP reply', /^ARP, Reply 192\.0\.2\.2 is-at 02:00:00:00:00:0b, length 28$/],
  ['UDP', /^IP 192\.0\.2\.1\.\d+ > 192\.0\.2\.2\.9: UDP, length 1400$/],
  ['an IP fragment', /^IP 192\.0\.2\.1 > 192\.0\.2\.2: ip-proto-17$/],
  [
    'a TCP SYN',
    /^IP 192\.0\.2\.1\.\d+ > 192\.0\.2\.2\.5201: Flags \[S\], seq \d+, win \d+, options \[mss 1460,/,
  ],
  [
    'TCP data',
    /^IP 192\.0\.2\.1\.\d+ > 192\.0\.2\.2\.5201: Flags \[\.\], seq \d+:\d+, ack \d+, .*length 1448$/,
  ],
  ['a super-packet', /^IP .*Flags \[.*length 6\d{4}$/],
  ['a runt', /^IP {2}\[\|ip\]$/],
];

describe('text of packets', { skip }, () => {
  let world: World;
  let json: Record<'rx' | 'tx', Texts>;
  let lines: Texts;
  before(async () => {
    world = await createWorld();
    const printed = await watchCorpus(world);
    json = { rx: await summaries(printed, 'rx'), tx: await summaries(printed, 'tx') };
    lines = await printedLines(printed);
  });
  after(() => world?.close());

  for (const direction of ['rx', 'tx'] as const) {
    it(`${direction}-tap, JSON: the summary is what tcpdump -S prints`, () => {
      assertSameTexts(json[direction].taptrace, json[direction].tcpdump);
    });
  }
  it('lines: the packet part is what tcpdump prints', () => {
    assertSameTexts(lines.taptrace, lines.tcpdump);
  });
  it(`compares at least ${PACKETS_WANTED} packets`, () => {
    assert.ok(lines.tcpdump.length >= PACKETS_WANTED, `${lines.tcpdump.length} packets`);
  });
  for (const [name, pattern] of KINDS) {
    it(`the corpus has ${name}`, () => {
      assert.ok(lines.tcpdump.some((text) => pattern.test(text)));
    });
  }
});
