/** The taps as taptrace sees them against the taps as tcpdump sees them, as live/differential.test.ts does. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { corpus } from '../../support/corpus.js';
import { bpfResidue, type Residue, residueSince } from '../../support/residue.js';
import { vethScene } from '../../support/session.js';
import {
  assertAgree,
  assertHonest,
  modeName,
  type TracedSession,
  traceSession,
} from '../../support/traced.js';
import { createWorld, type World } from '../../support/world.js';
import { corpusScale, guestMode, situation } from './situation.js';

const cases = corpus(corpusScale);
const modes = [guestMode({ arm: false, snaplen: 0 }), guestMode({ arm: true, snaplen: 0 })];

let world: World;
let residue: Residue;
const netnsNames = () => [world.a.netns.name, world.b.netns.name];

before(async () => {
  world = await createWorld();
  residue = bpfResidue(netnsNames());
});
after(() => world?.close());

for (const mode of modes) {
  describe(modeName(mode), () => {
    let session: TracedSession;
    before(async () => {
      session = await traceSession(vethScene(world), cases, mode);
    });

    for (const traffic of cases) it(traffic.name, () => assertAgree(session, traffic));
    it(`compares at least ${situation.packets} packets`, () => {
      const count = cases.reduce((sum, { name }) => sum + session.countOf(name), 0);
      assert.ok(count >= situation.packets, `${count} packets`);
    });
    it('ends complete, and calls each event what it is', () => assertHonest(session, mode));
  });
}

describe('afterwards', () => {
  it('no BPF object and no packet socket remains', async () => {
    assert.deepEqual(await residueSince(residue, netnsNames()), []);
  });
});
