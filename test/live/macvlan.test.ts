/**
 * A macvlan device: what it receives passes the tap lists twice, first as a packet of the lower device, then,
 * in a later round of the same function, as one of the macvlan. Only the first round is at the entry.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MACVLAN_CORPUS } from '../support/corpus.js';
import { type Macvlan, macvlanScene } from '../support/macvlan.js';
import { tapsOf } from '../support/session.js';
import {
  assertAgree,
  assertHonest,
  type Mode,
  modeName,
  type TracedSession,
  traceSession,
} from '../support/traced.js';
import { cannotRunLive, createWorld, type End, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump']) ?? false;

let world: World;
let macvlan: Macvlan;
before(async () => {
  if (skip) return;
  world = await createWorld();
  macvlan = await macvlanScene(world);
});
after(() => world?.close());

function describeMode(mode: Mode, taps: () => string[]): void {
  describe(`macvlan, ${modeName(mode)}`, { skip }, () => {
    let session: TracedSession;
    before(async () => {
      session = await traceSession(macvlan.scene, MACVLAN_CORPUS, mode);
    });

    for (const traffic of MACVLAN_CORPUS) {
      it(traffic.name, () => assertAgree(session, traffic, taps()));
    }
    it('ends complete, and calls each event what it is', () => assertHonest(session, mode));
    it('says in the header when receiving on the macvlan is not visible', () => {
      const [a, b] = session.candidate.traces.map(({ header }) => header.notes);
      const pattern = mode.arm ? /^$/ : /^RX on mv0@\S+ \(macvlan\) is not visible here/;
      assert.match(a?.join('\n') ?? '', pattern);
      assert.deepEqual(b, []);
    });
  });
}

describeMode({ arm: true, snaplen: 96 }, () => tapsOf(macvlan.scene));
describeMode(
  // Of the frame that reaches the macvlan there is one event: at the lower device.
  { arm: false, snaplen: 96, eventsPerMarker: (end: End) => (end === world.a ? 3 : 2) },
  () => tapsOf(macvlan.scene).filter((tap) => tap !== 'mv0 rx'),
);
