/**
 * The task of an event: who sends a packet, or merely who was interrupted by it. Packets are steered to a CPU
 * that a process keeps busy in user mode, where x86 serves the softirq on that process's own kernel stack.
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { createQuietWorld, flood, type QuietWorld, steerTo } from '../support/quiet.js';
import { type TraceEvent, Tracer } from '../support/tracer.js';
import { cannotRunLive, TRAFFIC_CPU } from '../support/world.js';

const skip = cannotRunLive() ?? (availableParallelism() < 2 ? 'needs a second CPU to be interrupted' : false);
const PACKETS = 8000;
const PACKETS_PER_SECOND = 16_000;
/** Any CPU but the one that sends. */
const BUSY_CPU = TRAFFIC_CPU - 1;

let world: QuietWorld;
before(async () => {
  if (skip) return;
  world = await createQuietWorld();
  await steerTo(world.b, BUSY_CPU);
});
after(() => world?.close());

interface Traced {
  readonly events: readonly TraceEvent[];
  /** Runs in user mode all the time: no packet is its own. */
  readonly spinnerPid: number;
}

async function trace(args: readonly string[]): Promise<Traced> {
  const { a, b } = world;
  const spinner = b.spawn(['taskset', '-c', String(BUSY_CPU), 'sh', '-c', 'while :; do :; done']);
  const tracer = await Tracer.start(['--netns', a.netns.name, '--netns', b.netns.name, ...args]);
  await flood(world, PACKETS, PACKETS_PER_SECOND);
  const { events } = await tracer.stop();
  await spinner.stop('SIGKILL');
  return { events, spinnerPid: spinner.pid };
}

const each = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

describe('the task of an event', { skip }, () => {
  for (const args of [[], ['--arm']]) {
    describe(args.join(' ') || 'passive', () => {
      let traced: Traced;
      before(async () => {
        traced = await trace(args);
      });

      it('is in softirq context where it was only interrupted', () => {
        const tasks = traced.events.filter(({ stage }) => stage === 'rx-tap').map(({ task }) => task);
        const interrupted = tasks.filter((task) => task?.pid === traced.spinnerPid);
        assert.ok(interrupted.length > PACKETS / 100, `${interrupted.length} interruptions`);
        assert.deepEqual(each(interrupted.map((task) => task?.context)), ['softirq']);
      });
      it('is in process context where it sends', () => {
        const tasks = traced.events.filter(({ stage }) => stage === 'tx-tap').map(({ task }) => task);
        assert.equal(tasks.length, PACKETS);
        assert.deepEqual(each(tasks.map((task) => `${task?.comm} ${task?.context}`)), ['udp_flood process']);
      });
    });
  }
});
