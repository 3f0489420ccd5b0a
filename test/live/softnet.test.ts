/** The way in beside /proc/net/softnet_stat, which counts what every CPU took, of all namespaces. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { processedByCpu } from '../support/oracles/softnet.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { type TraceEvent, type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive, toolPath } from '../support/world.js';

const skip = cannotRunLive() ?? false;
const PACKETS = 1000;
const RATE = 50_000;
/** Between our clock and that of the events. */
const MARGIN_MS = 10;

/** When the counters were read: between these two, by the wall clock. */
interface Reading {
  readonly fromMs: number;
  readonly toMs: number;
  readonly processed: ReadonlyMap<number, number>;
}

async function read(): Promise<Reading> {
  await sleep(3 * MARGIN_MS);
  const fromMs = Date.now();
  const processed = processedByCpu();
  const toMs = Date.now();
  await sleep(3 * MARGIN_MS);
  return { fromMs, toMs, processed };
}

const between = (events: readonly TraceEvent[], fromMs: number, toMs: number) =>
  events.filter(({ time }) => Date.parse(time) >= fromMs && Date.parse(time) <= toMs);

describe('softnet_stat', { skip }, () => {
  let world: QuietWorld;
  let result: TraceResult;
  let first: Reading;
  let last: Reading;
  before(async () => {
    world = await createQuietWorld();
    const { a } = world;
    await a.run(['ip', 'link', 'set', 'lo', 'up']);
    const tracer = await Tracer.start(['--netns', 'all', '--stages', 'netif-rx,rx-tap', '-s', '64']);
    first = await read();
    await flood(world, PACKETS, RATE);
    const toSelf = ['--to', '127.0.0.1', '--size', '64', '--rate', String(RATE)];
    await a.send([toolPath('udp_flood'), ...toSelf, '--count', String(PACKETS)]);
    last = await read();
    result = await tracer.stop();
  });
  after(() => world?.close());

  const at = (stage: string) => result.events.filter((event) => event.stage === stage);
  const on =
    (ifname: string, { netns }: QuietWorld['a']) =>
    (event: TraceEvent) =>
      event.ifname === ifname && event.netns === netns.inode;

  it('each CPU processed as many packets as the tap saw there', () => {
    assert.equal(result.summary.complete, true, result.stderr);
    for (const [cpu, before] of first.processed) {
      const processed = (last.processed.get(cpu)! - before) >>> 0;
      const seen = at('rx-tap').filter((event) => event.cpu === cpu);
      // Others may have got packets while the counters were read.
      const least = between(seen, first.toMs + MARGIN_MS, last.fromMs - MARGIN_MS).length;
      const most = between(seen, first.fromMs - MARGIN_MS, last.toMs + MARGIN_MS).length;
      const bounds = `CPU ${cpu}: ${least} to ${most} seen, ${processed} processed`;
      assert.ok(least <= processed && processed <= most, bounds);
    }
  });
  it('devices without NAPI hand over each of them by netif_rx', () => {
    const { a, b } = world;
    for (const isThere of [on(b.device, b), on('lo', a)]) {
      const taken = at('netif-rx').filter(isThere);
      assert.equal(taken.length, at('rx-tap').filter(isThere).length);
      assert.ok(taken.length >= PACKETS, `${taken.length}`);
    }
    assert.equal(at('netif-rx').filter(on(b.device, b)).length, PACKETS);
  });
});
