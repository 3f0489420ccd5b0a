/** Interfaces and namespaces come and go while a filtered trace runs: the kernel goes on deciding, and nothing is lost. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/process.js';
import { addQuietLink, createQuietWorld, type QuietLink, type QuietWorld } from '../support/quiet.js';
import { type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive, toolPath } from '../support/world.js';

const skip = cannotRunLive([]) ?? false;
/** Nobody else on this machine sends to the first one. */
const [WANTED, OTHER] = [47_013, 47_014];
const PACKETS = 40;
const ROUNDS = 3;
/** Devices are looked at again every 250 ms. */
const NOTICED_MS = 600;

/** As many packets that match as others, in turn. */
async function send({ a, b }: QuietLink): Promise<void> {
  const amount = ['--size', '200', '--count', String(PACKETS / 2), '--rate', '5000'];
  for (const port of [WANTED, OTHER, OTHER, WANTED])
    await a.send([toolPath('udp_flood'), '--to', b.ipv4, '--port', String(port), ...amount]);
}

function assertHonest({ exit, header, summary, stderr }: TraceResult): void {
  assert.equal(exit.code, 0, stderr);
  assert.equal(header.filterRuns, 'kernel');
  assert.equal(summary.complete, true, stderr);
}

/** Events of each stage, all of packets that match. */
function assertEvents(
  { events }: TraceResult,
  where: (event: TraceResult['events'][number]) => boolean,
  stages: readonly string[],
  count = PACKETS,
): void {
  const here = events.filter(where);
  for (const stage of stages) {
    const some = here.filter((event) => event.stage === stage);
    assert.equal(some.length, count, stage);
    assert.ok(some.every(({ dport }) => dport === WANTED));
  }
}

const filter = `udp dst port ${WANTED}`;

describe('a filtered trace while the machine changes', { skip }, () => {
  let world: QuietWorld;
  before(async () => {
    world = await createQuietWorld();
  });
  after(() => world?.close());

  it('namespaces come and go', async () => {
    const tracer = await Tracer.start(['--netns', 'all', '--stages', 'taps', filter]);
    for (let round = 0; round < ROUNDS; round += 1) {
      const other = await createQuietWorld();
      await send(other);
      for (const { netns } of [other.a, other.b]) netns.remove();
    }
    await send(world);
    const result = await tracer.stop();
    assertHonest(result);
    assert.equal(result.events.length, (ROUNDS + 1) * PACKETS * 2);
    assertEvents(result, () => true, ['tx-tap', 'rx-tap'], (ROUNDS + 1) * PACKETS);
  });

  for (const args of [[], ['--arm']])
    it(`interfaces come and go ${args.join(' ')}`, async () => {
      const { a, b } = world;
      const stages = ['tx-tap', 'rx-tap', 'tc-egress', 'tc-ingress'];
      const where = ['--netns', a.netns.name, '--netns', b.netns.name, '-i', 'v*'];
      const tracer = await Tracer.start([...where, '--stages', stages.join(','), ...args, filter]);
      const names: [string, string][] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const link = await addQuietLink(world, 'n', [`vn${round}a`, `vn${round}b`]);
        await sleep(NOTICED_MS);
        await send(link);
        names.push([link.a.device, link.b.device]);
        await run(['ip', '-n', a.netns.name, 'link', 'del', link.a.device]);
      }
      await send(world);
      const result = await tracer.stop();
      assertHonest(result);
      for (const [out, into] of [...names, [a.device, b.device]] as const) {
        assertEvents(result, ({ ifname }) => ifname === out, ['tx-tap', 'tc-egress']);
        assertEvents(result, ({ ifname }) => ifname === into, ['rx-tap', 'tc-ingress']);
      }
      assert.equal(result.events.length, (ROUNDS + 1) * PACKETS * 4);
    });
});
