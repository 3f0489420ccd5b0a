/** The oracle by itself: two tcpdumps that watch the same taps have to agree, by our own comparison. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CORPUS } from '../support/corpus.js';
import { observeByTcpdump, type Taps } from '../support/observer.js';
import { runSession, type Session, vethScene } from '../support/session.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['tcpdump', 'iperf3', 'ethtool']) ?? false;

describe('two tcpdumps over the corpus', { skip }, () => {
  let world: World;
  let session: Session<Taps>;

  before(async () => {
    world = await createWorld();
    const scene = vethScene(world);
    session = await runSession(scene, CORPUS, () => observeByTcpdump(world, scene.places, 'second'));
  });
  after(() => world?.close());

  for (const { name, atLeast } of CORPUS) {
    it(`${name}: agree`, () => {
      const count = session.countOf(name);
      assert.ok(count >= atLeast, `${count} packets, at least ${atLeast} wanted`);
      assert.deepEqual(session.differences(name), []);
    });
  }
});
