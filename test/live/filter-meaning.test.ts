/**
 * Filters of live traces against live tcpdumps: the same frames, received through a veth pair, where the kernel takes
 * the outermost tag out of the bytes. Each verdict is ours over the record of that frame.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PacketFilter, verdict } from '../../src/filter/filter.js';
import { linesSaid, runToEnd } from '../support/cli.js';
import { distinct, verdictOnArrival } from '../support/filters/arrived.js';
import {
  dialectExpressions,
  expressions,
  fileExpressions,
  liveExpressions,
  vlanExpressions,
} from '../support/filters/expressions.js';
import { corpusFrames, type Frame } from '../support/filters/frames.js';
import { answersLive, TOGETHER } from '../support/filters/live-oracle.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive, createWorld, type End, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump']) ?? false;
const JUMBO_MTU = 65535;
/** The optimizer takes ten seconds for longer ones. */
const LONG = 5000;
/** All that have to do with what lies beside the bytes, and some of each other kind. */
const asked = [
  ...vlanExpressions,
  ...liveExpressions,
  ...dialectExpressions,
  ...expressions.filter(
    (text, at) =>
      at % 5 === 0 &&
      text.length < LONG &&
      ![...vlanExpressions, ...fileExpressions, ...dialectExpressions].includes(text),
  ),
];

/**
 * Live code of libpcap 1.10 for these adds to a scratch word that nobody wrote. The kernel refuses that, and tcpdump goes
 * on with whatever lies on its stack: no oracle.
 */
const unset = ['vlan and pppoes', 'vlan and pppoes 7 and udp'];

/** A packet socket sends no frame that is shorter than its header. */
const frames = distinct(corpusFrames().filter(({ bytes }) => bytes.length >= 14));

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

const match = (filter: PacketFilter, frame: Frame): number => verdictOnArrival(filter, frame, ifindex);

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
        .run(['tcpdump', '-i', world.b.device, '-c', '1', '-Z', 'root', '-w', '/dev/null', '--', expression])
        .then(String, String);
      assert.match(refusal, /'protochain' not supported with variable length headers/);
      assert.throws(
        () => new PacketFilter(expression),
        /'protochain' not supported with variable length headers/,
      );
    }
  });

  it('without the rights to compile it, one line says how "vlan" is decided', async () => {
    const rights = '--bounding-set=-sys_admin';
    const command = ['setpriv', rights, '--inh-caps=-sys_admin', ...tracerCommand(), 'trace', '-i', 'lo'];
    const taken = await runToEnd([...command, '--duration', '0.1', 'vlan 10']);
    const said = linesSaid(taken).filter((line) => line.includes('vlan'));
    assert.equal(taken.exit.code, 0, taken.stderr);
    assert.equal(said.length, 1, taken.stderr);
    assert.match(
      said[0]!,
      /the filter runs in user space everywhere: "vlan" is decided as for a file, for lack of .*not permitted/,
    );
    const refused = await runToEnd([...command, 'ip and vlan']);
    assert.equal(refused.exit.code, 2);
    assert.match(refused.stderr, /rejects all packets \(compiled as for a file, for lack of /);
  });

  it('all of them were judged, and those that the kernel takes from nobody are known', (t) => {
    assert.equal(judged, asked.length - unset.length);
    for (const expression of refused) assert.match(expression, /protochain/);
    t.diagnostic(
      `${judged} expressions, ${refused.length} of them refused by the kernel: ${refused.join('; ')}`,
    );
  });
});
