/**
 * A device that nobody taps: `dev_queue_xmit_nit` does not run there, and taptrace still gives one event a
 * packet and says that it would be tapped. tcpdump cannot watch without arming, so it watches the other end
 * of the veth pair: what one end sends is what the other receives.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CORPUS } from '../support/corpus.js';
import { observeByTracer } from '../support/observer.js';
import { runSession, Session, vethScene } from '../support/session.js';
import { assertHonest, eventsOf, type TracedSession } from '../support/traced.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump', 'iperf3', 'ethtool']) ?? false;
const MIRRORED = [
  ['va rx', 'vb tx'],
  ['va tx', 'vb rx'],
] as const;

/** GRO merges on the way in: there the ends rightly differ. */
const CASES = CORPUS.filter(({ name }) => !name.includes('GRO'));

describe('a device that nobody taps', { skip }, () => {
  let world: World;
  let session: TracedSession;

  before(async () => {
    world = await createWorld();
    const scene = vethScene(world);
    const [untapped, tapped] = scene.places;
    const seen = await runSession({ ...scene, places: [tapped!] }, CASES, () =>
      observeByTracer([untapped!], { snaplen: 0, eventsPerMarker: () => 2 }),
    );
    const oracle = new Map(MIRRORED.map(([ours, theirs]) => [ours, seen.oracle.get(theirs) ?? []]));
    session = new Session(oracle, seen.candidate);
  });
  after(() => world?.close());

  for (const { name, atLeast } of CASES) {
    it(name, () => {
      assert.ok(session.countOf(name) >= atLeast / 2, `${session.countOf(name)} packets`);
      assert.deepEqual(session.differences(name), []);
    });
  }
  it('ends complete, and calls each event what it is', () =>
    assertHonest(session, { arm: false, snaplen: 0 }));
  it('says of every event at the transmit tap that it was inferred and nothing is armed', () => {
    const sent = eventsOf(session).filter(({ stage }) => stage === 'tx-tap');
    assert.deepEqual([...new Set(sent.map(({ armed }) => armed))], [false]);
    assert.deepEqual([...new Set(sent.map(({ mechanism }) => mechanism))], ['inferred']);
  });
});
