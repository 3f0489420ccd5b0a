/**
 * The taps as taptrace sees them against the taps as tcpdump sees them, over a private veth pair: the same
 * packets, the same bytes, the same lengths, in the same order. Nothing missing, nothing extra.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CORPUS } from '../support/corpus.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { vethScene } from '../support/session.js';
import {
  assertAgree,
  assertHonest,
  eventsOf,
  type Mode,
  modeName,
  type TracedSession,
  traceSession,
} from '../support/traced.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump', 'iperf3', 'ethtool', 'bpftool']) ?? false;
const PACKETS_WANTED = 10_000;
const CLOCK_TOLERANCE_NS = 5_000_000n;
const MODES: readonly Mode[] = [
  { arm: false, snaplen: 0 },
  { arm: false, snaplen: 96 },
  { arm: true, snaplen: 0 },
  { arm: true, snaplen: 96 },
];

let world: World;
let residue: Residue;
const netnsNames = () => [world.a.netns.name, world.b.netns.name];

before(async () => {
  if (skip) return;
  world = await createWorld();
  residue = bpfResidue(netnsNames());
});
after(() => world?.close());

/** Half of the packets have a smaller difference between our wall clock and tcpdump's than this. */
function medianClockDifferenceNs(session: TracedSession, name: string): bigint {
  const differences = [...session.oracle.keys()].flatMap((tap) => {
    const ours = session.packets(session.candidate, tap, name);
    return session.packets(session.oracle, tap, name).map(({ timeNs }, at) => {
      const difference = timeNs - (ours[at]?.timeNs ?? 0n);
      return difference < 0n ? -difference : difference;
    });
  });
  return differences.sort((a, b) => (a < b ? -1 : 1))[differences.length >> 1]!;
}

for (const mode of MODES) {
  describe(`veth, ${modeName(mode)}`, { skip }, () => {
    let session: TracedSession;
    before(async () => {
      session = await traceSession(vethScene(world), CORPUS, mode);
    });

    for (const traffic of CORPUS) it(traffic.name, () => assertAgree(session, traffic));

    it(`compares at least ${PACKETS_WANTED} packets`, () => {
      const count = CORPUS.reduce((sum, { name }) => sum + session.countOf(name), 0);
      assert.ok(count >= PACKETS_WANTED, `${count} packets`);
    });
    it('ends complete, and calls each event what it is', () => assertHonest(session, mode));
    it('says of every event at the transmit tap that the device is armed: tcpdump is there', () => {
      const sent = eventsOf(session).filter(({ stage }) => stage === 'tx-tap');
      assert.deepEqual([...new Set(sent.map(({ armed }) => armed))], [true]);
    });
    it('has the wall clock of tcpdump', () => {
      const difference = medianClockDifferenceNs(session, 'UDP of 1400 bytes over IPv4');
      assert.ok(difference < CLOCK_TOLERANCE_NS, `${difference} ns apart`);
    });
    it('has a VLAN tag in metadata at the receive tap, and in the bytes on the way out', () => {
      const tagged = eventsOf(session).filter(({ vlan }) => vlan !== undefined);
      assert.equal(tagged.length, 200);
      assert.deepEqual([...new Set(tagged.map(({ stage }) => stage))], ['rx-tap']);
      assert.deepEqual([...new Set(tagged.map(({ vlan }) => vlan!.protocol))].sort(), [0x8100, 0x88a8]);
    });
  });
}

describe('afterwards', { skip }, () => {
  it('no BPF object and no packet socket remains', async () => {
    assert.deepEqual(await residueSince(residue, netnsNames()), []);
  });
});
