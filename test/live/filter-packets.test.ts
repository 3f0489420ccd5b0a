/**
 * Filtered traces beside tcpdumps with the same expression, over real packets: tags, fragments, and packets whose bytes
 * lie in pages (jumbo frames, GSO).
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { toHex } from '../support/bytes.js';
import { betweenMarkers, type SeenPacket, seenInEvent, seenInPcap } from '../support/compare.js';
import { distinct, untagged } from '../support/filters/arrived.js';
import { corpusFrames } from '../support/filters/frames.js';
import { markerBytes, markerFrame } from '../support/frames.js';
import { Capture } from '../support/tcpdump.js';
import { Tracer } from '../support/tracer.js';
import { iperf, ping } from '../support/traffic.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump', 'iperf3']) ?? false;
const SNAPLEN = 512;
const JUMBO_MTU = 65535;
/** There are many at once. */
const RING_KIB = 4096;
const MARKER_TYPE = '0x88b6';

/** Each with the fewest packets that it has to let through, or it proved nothing. */
const expressions: readonly (readonly [expression: string, atLeast: number])[] = [
  ['vlan', 80],
  ['vlan 10 and (tcp or udp)', 10],
  ['vlan 10 and ether[12:2] = 0x8100', 20],
  ['vlan and vlan', 10],
  ['arp or vlan 10', 10],
  ['ip and not vlan', 100],
  ['ip and vlan', 20],
  ['not ip and not ip6', 30],
  ['ip[6:2] & 0x1fff != 0', 20],
  ['ip[6] & 0x20 != 0 and icmp', 10],
  ['ip6[6] = 44', 10],
  // In the pages of GSO and jumbo packets, behind every header.
  ['tcp port 5201 and len > 4000 and ip[3000:4] != 1', 3],
  ['udp and ip[59000:4] = 0x07070707', 1],
  ['tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420 or icmp[1200] = 0xb8', 4],
  // Sent, not received. Not by "outbound", of which libpcap loses the first packets (support/filters/live-oracle.ts).
  ['tcp and dst host 192.0.2.1', 5],
];

let world: World;

before(async () => {
  if (skip) return;
  world = await createWorld();
  for (const end of [world.a, world.b]) await end.ip([`link set ${end.device} mtu ${JUMBO_MTU}`]);
});
after(() => world?.close());

async function traffic({ a, b }: World): Promise<void> {
  // What ends inside its tag is seen at its arrival, but the kernel drops it before tcpdump could.
  const whole = corpusFrames().filter((frame) => frame.bytes.length >= 14 && untagged(frame));
  const frames = distinct(whole);
  await a.sendFrames(frames.map(({ bytes }) => bytes));
  await iperf(a, b, b.ipv4, '2M');
  for (const end of [a, b]) await end.ip([`link set ${end.device} mtu 1500`]);
  await ping(a, b.ipv4, 10, 4000);
  await ping(a, b.ipv6, 10, 4000);
}

/** What both have to have seen, in any order: each CPU has its own. */
function told(packets: readonly SeenPacket[]): string[] {
  const lines = betweenMarkers(packets, 'start', 'end').map(
    ({ len, bytes }) => `${len} ${toHex(bytes.subarray(0, SNAPLEN))}`,
  );
  return lines.sort();
}

function missingIn(some: readonly string[], all: readonly string[]): string[] {
  const have = new Set(some);
  return all.filter((line) => !have.has(line)).map((line) => line.slice(0, 200));
}

describe('filtered traces of real packets are those of tcpdump', { skip }, () => {
  const results: { ours: string[]; tcpdumps: string[]; notes: readonly string[]; complete: unknown }[] = [];

  before(async () => {
    const { a, b } = world;
    const watched: { capture: Capture; tracer: Tracer }[] = [];
    // One after the other: starting takes a second of CPU time, and somebody waits for each to begin.
    for (const [at, [expression]] of expressions.entries()) {
      const filter = `ether proto ${MARKER_TYPE} or (${expression})`;
      const capture = await Capture.start(world, b, { filter, label: `filter-${at}`, ringKib: RING_KIB });
      const args = [
        '--netns',
        b.netns.name,
        '-i',
        b.device,
        '-s',
        String(SNAPLEN),
        '--buffer-size',
        `${RING_KIB}K`,
        filter,
      ];
      watched.push({ capture, tracer: await Tracer.start(args) });
    }
    const mark = (text: string) => a.sendFrames([markerFrame({ from: a.mac, to: b.mac }, text)]);
    await mark('start');
    await traffic(world);
    await mark('end');
    for (const { capture, tracer } of watched) {
      await tracer.untilData(markerBytes('end'), 1);
      await capture.until('end\0');
      const { events, header, summary } = await tracer.stop();
      results.push({
        ours: told(events.map((event) => seenInEvent(event, SNAPLEN))),
        tcpdumps: told((await capture.stop()).map((packet) => seenInPcap(packet, ''))),
        notes: header.notes,
        complete: summary.complete,
      });
    }
  });

  for (const [at, [expression, atLeast]] of expressions.entries()) {
    it(`'${expression}'`, () => {
      const { ours, tcpdumps, notes, complete } = results[at]!;
      assert.ok(tcpdumps.length >= atLeast, `${tcpdumps.length} packets`);
      assert.deepEqual(missingIn(ours, tcpdumps), [], 'only tcpdump shows');
      assert.deepEqual(missingIn(tcpdumps, ours), [], 'only taptrace shows');
      assert.equal(ours.length, tcpdumps.length);
      assert.equal(complete, true);
      for (const note of notes) assert.doesNotMatch(note, /filter/);
    });
  }
});
