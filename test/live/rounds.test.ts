/** 200 traces in one process, one after the other: no descriptor is left open, and memory does not grow. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/process.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;
const DRIVER = fileURLToPath(new URL('../support/rounds.js', import.meta.url));
const ROUNDS = 200;
/** Less than one ring buffer of a round would be. */
const GROWTH_MAX_BYTES = 24 << 20;

interface Held {
  readonly round: number;
  readonly descriptors: number;
  readonly rssBytes: number;
}

let world: QuietWorld;
let residue: Residue;
before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  residue = bpfResidue([world.a.netns.name]);
});
after(() => world?.close());

/** What the process held at every tenth of its rounds. */
async function drive(flags: readonly string[]): Promise<Held[]> {
  const child = new Child([
    process.execPath,
    '--expose-gc',
    DRIVER,
    world.a.netns.name,
    String(ROUNDS),
    ...flags,
  ]);
  while (!child.hasEnded) await flood(world, 20, 10_000);
  assert.deepEqual(await child.exited, { code: 0, signal: null }, child.stderr);
  return child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('200 traces in one process', { skip }, () => {
  for (const flags of [[], ['--arm']])
    it(`leak nothing ${flags.join(' ')}`, async (context) => {
      const held = await drive(flags);
      console.log(held);
      assert.equal(held.at(-1)?.round, ROUNDS);
    });
});
