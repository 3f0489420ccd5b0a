/**
 * The taps as taptrace sees them against the taps as tcpdump sees them, as in live/differential.test.ts, but with
 * all ways to watch them at the same time, over the same packets.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { corpus } from '../../support/corpus.js';
import { bpfResidue, type Residue, residueSince } from '../../support/residue.js';
import { runSessions, vethScene } from '../../support/session.js';
import { assertAgree, assertHonest, eventsOf, observeIn, type TracedSession } from '../../support/traced.js';
import { createWorld, type World } from '../../support/world.js';
import { situation } from './situation.js';
import { type TapMode, tapModes } from './tap-modes.js';

/** One kind of traffic for each way a packet can look; live/differential.test.ts has more of each. */
const kinds = [
  ...['ICMP', 'ICMPv6', 'ARP', 'UDP of 1 bytes over IPv4', 'UDP of 1400 bytes over IPv4'],
  ...['UDP of 60000 bytes over IPv4', 'TCP with offloads', 'one VLAN tag', 'two VLAN tags'],
  ...['unknown EtherType', 'jumbo frames'],
];
/** Packets of these kinds in the whole corpus. */
const corpusPackets = 9000;
const cases = corpus(situation.packets / corpusPackets).filter(({ name }) => kinds.includes(name));

let world: World;
let residue: Residue;
let sessions: PromiseSettledResult<TracedSession>[];
const netnsNames = () => [world.a.netns.name, world.b.netns.name];

before(async () => {
  world = await createWorld();
  residue = bpfResidue(netnsNames());
  const scene = vethScene(world);
  const starts = tapModes.map((mode) => () => observeIn(scene, mode));
  sessions = await runSessions(scene, cases, starts);
});
after(() => world?.close());

function sessionOf(mode: TapMode): TracedSession {
  const outcome = sessions[tapModes.indexOf(mode)]!;
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

it('has all kinds of traffic', () => assert.equal(cases.length, kinds.length));

for (const mode of tapModes) {
  const { blind = [] } = mode;
  describe(`${mode.name}${blind.length > 0 ? ` (no bytes: ${blind.join(', ')})` : ''}`, () => {
    for (const traffic of cases) it(traffic.name, () => assertAgree(sessionOf(mode), traffic));
    it(`compares at least ${situation.packets} packets`, () => {
      const count = cases.reduce((sum, { name }) => sum + sessionOf(mode).countOf(name), 0);
      assert.ok(count >= situation.packets, `${count} packets`);
    });
    it('ends complete, and calls each event what it is', () => assertHonest(sessionOf(mode), mode));
    for (const { stage, mechanism } of mode.rungs)
      it(`watches ${stage} by ${mechanism} alone`, () => {
        const events = eventsOf(sessionOf(mode)).filter((event) => event.stage === stage);
        assert.deepEqual([...new Set(events.map((event) => event.mechanism))], [mechanism]);
      });
  });
}

it('leaves no BPF object and no packet socket behind', async () => {
  assert.deepEqual(await residueSince(residue, netnsNames()), []);
});
