/** What a trace watches goes away: it says so, goes on with the rest, and holds nothing that wants to go. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { linesSaid } from '../support/cli.js';
import { Child, type Exit, run } from '../support/process.js';
import { addQuietLink, createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { tracerCommand } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;
const SUMMARY = /^\d+ events? in [\d.]+ s, /;

let world: QuietWorld;
let residue: Residue;
const netnsNames = () => [world.a.netns.name, world.b.netns.name];

before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  residue = bpfResidue(netnsNames());
});
after(() => world?.close());
afterEach(async () => {
  if (!skip) assert.deepEqual(await residueSince(residue, netnsNames()), [], 'left in the kernel');
});

/** Starts a trace as text and waits until it is attached. */
async function start(args: readonly string[]): Promise<Child> {
  const child = new Child([...tracerCommand(), ...args], {});
  await child.until(() => child.stderr.includes('armed'), 'header');
  return child;
}

const code = (value: number): Exit => ({ code: value, signal: null });

function assertSummedUp(child: Child): void {
  assert.equal(linesSaid(child).filter((line) => SUMMARY.test(line)).length, 1, child.stderr);
}

describe('an interface that vanishes', { skip }, () => {
  for (const args of [[], ['--arm']])
    it(`the last one: the trace says so and fails ${args.join(' ')}`, async () => {
      const link = await addQuietLink(world, 'v');
      const child = await start(['--netns', world.a.netns.name, '-i', link.a.device, ...args]);
      await flood(link, 50, 10_000);
      await run(['ip', '-n', world.a.netns.name, 'link', 'del', link.a.device]);
      assert.deepEqual(await child.exited, code(1), child.stderr);
      assert.ok(linesSaid(child).includes(`interface ${link.a.device} is gone`), child.stderr);
      assertSummedUp(child);
      assert.equal(child.stdout.match(/tx-tap/g)?.length, 50);
    });

  it('one of two: the trace goes on', async () => {
    const link = await addQuietLink(world, 'v');
    const devices = ['-i', link.a.device, '-i', world.a.device];
    const child = await start(['--netns', world.a.netns.name, ...devices, '--arm']);
    await run(['ip', '-n', world.a.netns.name, 'link', 'del', link.a.device]);
    await child.until(() => child.stderr.includes('is gone'), 'notice');
    await flood(world, 50, 10_000);
    assert.deepEqual(await child.stop('SIGINT'), code(0));
    assert.equal(child.stdout.match(/tx-tap/g)?.length, 50);
  });
});

describe('a namespace that vanishes', { skip }, () => {
  /** The other end of the pair goes with the namespace: not with its name, but when nothing holds it any more. */
  async function untilGone(other: QuietWorld['b']): Promise<void> {
    const devices = () => run(['ip', '-n', other.netns.name, '-br', 'link', 'show']);
    for (let tries = 0; (await devices()).includes(other.device); tries += 1) {
      assert.ok(tries < 40, 'the namespace is still there: something of ours holds it');
      await sleep(100);
    }
  }

  it('the only one: the trace says so and fails, and does not hold it', async () => {
    const doomed = await createQuietWorld();
    const { name } = doomed.a.netns;
    const child = await start(['--netns', name, '--arm']);
    await flood(doomed, 50, 10_000);
    doomed.a.netns.remove();
    assert.deepEqual(await child.exited, code(1), child.stderr);
    assert.ok(linesSaid(child).includes(`network namespace ${name} is gone`), child.stderr);
    assertSummedUp(child);
    assert.equal(child.stdout.match(/tx-tap/g)?.length, 50);
    await untilGone(doomed.b);
    doomed.close();
  });

  for (const args of [[], ['--arm']])
    it(`one of two: the trace goes on and does not hold it ${args.join(' ')}`, async () => {
      const doomed = await createQuietWorld();
      const child = await start(['--netns', doomed.a.netns.name, '--netns', world.a.netns.name, ...args]);
      doomed.a.netns.remove();
      await child.until(() => child.stderr.includes('is gone'), 'notice');
      await untilGone(doomed.b);
      await flood(world, 50, 10_000);
      assert.deepEqual(await child.stop('SIGINT'), code(0));
      assert.equal(child.stdout.match(/tx-tap/g)?.length, 50);
      doomed.close();
    });
});
