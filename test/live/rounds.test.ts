/** 200 traces in one process, one after the other: no descriptor stays open, and memory does not grow. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/process.js';
import { createQuietWorld, type QuietWorld } from '../support/quiet.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;
const DRIVER = fileURLToPath(new URL('../support/rounds.js', import.meta.url));
const ROUNDS = 200;
const CHECKPOINTS = 20;
/** By then everything was used at least once. */
const WARM_ROUNDS = 50;
/** Of what 150 rounds use; the ring buffers of a single one are 1 MiB a CPU. */
const GROWTH_MAX_BYTES = 8 << 20;

interface Held {
  readonly round: number;
  readonly descriptors: number;
  readonly rssBytes: number;
}

let world: QuietWorld;
let residue: Residue;
let held: readonly Held[] = [];

before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  const { a } = world;
  residue = bpfResidue([a.netns.name]);
  await a.run(['ip', 'link', 'set', 'lo', 'up']);
  const ping = a.spawn(['ping', '-q', '-i', '0.005', '127.0.0.1']);
  const counts = [String(ROUNDS), String(CHECKPOINTS)];
  // Each thread that reads files may keep what it has read last: with one, that is the same at any time.
  const command = ['env', 'UV_THREADPOOL_SIZE=1', process.execPath, '--expose-gc', DRIVER];
  const driver = new Child([...command, a.netns.name, ...counts]);
  assert.deepEqual(await driver.exited, { code: 0, signal: null }, driver.stderr);
  await ping.stop('SIGKILL');
  const lines = driver.stdout.trim().split('\n');
  held = lines.map((line) => JSON.parse(line) as Held);
});
after(() => world?.close());

const lowest = (values: readonly Held[]) => Math.min(...values.map(({ rssBytes }) => rssBytes));

describe('200 traces in one process', { skip }, () => {
  const warm = () => held.filter(({ round }) => round >= WARM_ROUNDS);

  it('hold the same descriptors', () => {
    assert.equal(held.at(-1)?.round, ROUNDS);
    assert.deepEqual(
      [...new Set(warm().map(({ descriptors }) => descriptors))].length,
      1,
      JSON.stringify(held),
    );
  });
  it('hold no more memory', () => {
    // What the collector has not given back yet comes and goes: the lowest figures tell.
    const middle = warm().length / 2;
    const growth = lowest(warm().slice(middle)) - lowest(warm().slice(0, middle));
    assert.ok(growth < GROWTH_MAX_BYTES, `${growth} bytes more: ${JSON.stringify(held)}`);
  });
  it('leave nothing in the kernel', async () => {
    assert.deepEqual(await residueSince(residue, [world.a.netns.name]), []);
  });
});
