/**
 * Filters of live traces against live tcpdumps: the same frames, received through a veth pair, where the kernel takes
 * the outermost tag out of the bytes. Each verdict is ours over the record of that frame.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { decodePacket, emptyPacket } from '../../src/decode/packet.js';
import { PacketFilter, verdict } from '../../src/filter/filter.js';
import { toHex } from '../support/bytes.js';
import {
  expressions,
  fileExpressions,
  liveExpressions,
  vlanExpressions,
} from '../support/filters/expressions.js';
import { corpusFrames, type Frame } from '../support/filters/frames.js';
import { answersLive, TOGETHER } from '../support/filters/live-oracle.js';
import { etherTypeOf } from '../support/frames.js';
import { cannotRunLive, createWorld, type End, type World } from '../support/world.js';
import { recordView } from '../unit/support/records.js';

const skip = cannotRunLive(['tcpdump']) ?? false;
const JUMBO_MTU = 65535;
/** The optimizer takes ten seconds for longer ones. */
const LONG = 5000;
/** All that have to do with what lies beside the bytes, and some of each other kind. */
const asked = [
  ...vlanExpressions,
  ...liveExpressions,
  ...expressions.filter(
    (text, at) =>
      at % 5 === 0 && text.length < LONG && ![...vlanExpressions, ...fileExpressions].includes(text),
  ),
];

/**
 * Live code of libpcap 1.10 for these adds to a scratch word that nobody wrote. The kernel refuses that, and tcpdump goes
 * on with whatever lies on its stack: no oracle.
 */
const unset = ['vlan and pppoes', 'vlan and pppoes 7 and udp'];

/** A packet socket sends no frame that is shorter than its header. */
const frames = distinct(corpusFrames().filter(({ bytes }) => bytes.length >= 14));

/** The first of those that have the same bytes. */
function distinct(all: readonly Frame[]): Frame[] {
  const byBytes = new Map<string, Frame>();
  for (const frame of all) {
    const key = toHex(frame.bytes);
    if (!byBytes.has(key)) byBytes.set(key, frame);
  }
  return [...byBytes.values()];
}

let world: World;
let ifindex: number;

before(async () => {
  if (skip) return;
  world = await createWorld();
  for (const end of [world.a, world.b]) await silence(end);
  ifindex = Number(await world.b.run(['cat', `/sys/class/net/${world.b.device}/ifindex`]));
});
after(() => world?.close());

/** Without an address nobody answers, nor asks for neighbours. */
async function silence(end: End): Promise<void> {
  await end.sysctl({ [`net.ipv6.conf.${end.device}.disable_ipv6`]: 1 });
  await end.ip([`addr flush dev ${end.device}`, `link set ${end.device} mtu ${JUMBO_MTU}`]);
}

/** Our verdict on a frame as it comes into the receive function. */
function match(filter: PacketFilter, { bytes }: Frame): number {
  const fields = { linkType: 1, ifindex, packetType: 0, protocol: etherTypeOf(bytes)! };
  const record = recordView({ data: bytes, fields });
  const packet = emptyPacket();
  decodePacket(record, packet, true);
  return filter.match(record, packet);
}

describe('live filters are those of a live tcpdump', { skip }, () => {
  let arrived: Frame[];
  let judged = 0;
  const refused: string[] = [];

  function assertVerdicts(filter: PacketFilter, expected: (frame: Frame) => boolean): void {
    const wrong = arrived.filter((frame) => (match(filter, frame) === verdict.yes) !== expected(frame));
    assert.deepEqual(
      wrong.map(({ name }) => name),
      [],
      `'${filter.expression}'`,
    );
  }

  before(async () => {
    const [all] = await answersLive(world, [''], frames);
    arrived = frames.filter(({ name }) => all!.frames.has(name));
  });

  it('nearly all frames of the corpus arrive', () => {
    assert.ok(arrived.length >= 600, `${arrived.length} of ${frames.length}`);
    assert.ok(arrived.filter(({ name }) => name.startsWith('VLAN')).length >= 80);
  });

  for (let first = 0; first < asked.length; first += TOGETHER) {
    const some = asked.slice(first, first + TOGETHER);
    it(`expressions ${first + 1} to ${first + some.length}`, async () => {
      const oracle = await answersLive(world, some, frames);
      for (const [at, expression] of some.entries()) {
        const answer = oracle[at]!;
        if (unset.includes(expression)) continue;
        if (answer.refusedByKernel) refused.push(expression);
        const filter = new PacketFilter(expression);
        assert.equal(filter.note, undefined);
        assertVerdicts(filter, (frame) => answer.frames.has(frame.name));
        judged += 1;
      }
    });
  }

  it('programs of libpcap that read memory nobody wrote are run with zeros in it, which makes them right', async () => {
    const oracle = await answersLive(world, unset, frames);
    for (const [at, expression] of unset.entries()) {
      assert.ok(oracle[at]!.refusedByKernel, expression);
      const file = new PacketFilter(expression, 'file');
      assertVerdicts(new PacketFilter(expression), (frame) => match(file, frame) === verdict.yes);
    }
  });

  it('what a live tcpdump refuses is refused, in its words', async () => {
    for (const expression of fileExpressions) {
      const refusal = await world.b
        .run(['tcpdump', '-i', world.b.device, '-c', '1', '-w', '/dev/null', '--', expression])
        .then(String, String);
      assert.match(refusal, /'protochain' not supported with variable length headers/);
      assert.throws(
        () => new PacketFilter(expression),
        /'protochain' not supported with variable length headers/,
      );
    }
  });

  it('all of them were judged, and those that the kernel takes from nobody are known', (t) => {
    assert.equal(judged, asked.length - unset.length);
    for (const expression of refused) assert.match(expression, /protochain/);
    t.diagnostic(
      `${judged} expressions, ${refused.length} of them refused by the kernel: ${refused.join('; ')}`,
    );
  });
});
