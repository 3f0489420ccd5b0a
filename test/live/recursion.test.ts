/**
 * Skipped programs are counted too: the kernel does not run a program that interrupts itself. Packets that
 * arrive by softirq on a CPU whose process consumes datagrams all the time are an event or counted as skipped.
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { countsDuring, createQuietWorld, floodArp, type QuietWorld, steerTo } from '../support/quiet.js';
import { type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive, TRAFFIC_CPU, toolPath } from '../support/world.js';

const skip = cannotRunLive() ?? (availableParallelism() < 2 ? 'needs a second CPU to be interrupted' : false);
const FRAMES = 1000;
/** What else a softirq frees while it interrupts is skipped and counted too: one attempt has to be exact. */
const ATTEMPTS = 8;
/** Any CPU but the one that sends. */
const BUSY_CPU = TRAFFIC_CPU - 1;

let world: QuietWorld;
before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  await steerTo(world.b, BUSY_CPU);
});
after(() => world?.close());

/** Traces consume while the frames interrupt a process on the busy CPU. */
async function trace(): Promise<TraceResult> {
  const { b } = world;
  const tracer = await Tracer.start(['--netns', b.netns.name, '--stages', 'consume', '--stack']);
  const churn = b.spawn(['taskset', '-c', String(BUSY_CPU), toolPath('unix_churn')]);
  await churn.until(() => churn.stdout.includes('ready'), 'churn');
  const { receivedByB } = await countsDuring(world, () => floodArp(world, FRAMES));
  await churn.stop('SIGKILL');
  assert.equal(receivedByB, FRAMES);
  return tracer.stop();
}

describe('a program that interrupts itself', { skip }, () => {
  it('is counted: packets received = events + skipped', async () => {
    const totals: number[] = [];
    while (!totals.includes(FRAMES) && totals.length < ATTEMPTS) {
      const { events, summary, stderr } = await trace();
      const { ring, recursion } = summary.lostByStage.consume!;
      assert.ok(recursion! > 0, 'nothing was skipped: the test proves nothing');
      assert.match(stderr, new RegExp(`lost at consume: ${recursion} because its program was interrupted`));
      assert.equal(summary.complete, false);
      assert.equal(ring, 0);
      const seen = events.filter(({ ifname }) => ifname === world.b.device).length;
      totals.push(seen + recursion!);
    }
    assert.ok(totals.includes(FRAMES), `${FRAMES} frames; events and skipped: ${totals.join(', ')}`);
  });
});
