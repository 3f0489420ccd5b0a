/**
 * Ladders beside the taps' (differential.guest.ts has those, functions, hooks, deliveries and rx-handlers the others
 * that hang on kernel functions): each rung against the kernel's own counters; and rungs that cannot work here, which
 * have to be refused with a reason.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { linesSaid, runTaptrace } from '../../support/cli.js';
import type { QuietWorld } from '../../support/quiet.js';
import { type Counts, countsDuring, createQuietWorld, flood, floodArp } from '../../support/quiet.js';
import { type TraceResult, Tracer } from '../../support/tracer.js';
import { builtRungs, mustWork, type RungOf, rungName } from './rungs.js';
import { isConfidential } from './situation.js';

const UDP_PACKETS = 60;
/** End b takes no ARP and consumes it; UDP to it is dropped. */
const ARP_FRAMES = 40;
const PACKETS_PER_SECOND = 2000;

const counted = new Set(['netif-rx', 'dev-queue', 'start-xmit', 'drop', 'consume']);
const beside = builtRungs.filter((rung) => counted.has(rung.stage) && mustWork(rung));
/** One trace for the first rung of every ladder, one for all second ones, and so on. */
const rounds = [...new Set(beside.map(placeInLadder))].map((place) =>
  beside.filter((rung) => placeInLadder(rung) === place),
);

function placeInLadder(rung: RungOf): number {
  return beside.filter(({ stage }) => stage === rung.stage).indexOf(rung);
}

/** Where a stage meets the traffic, and how much of it by the kernel's count. */
function expectedOf(stage: string, counts: Counts): { device: 'va' | 'vb'; packets: number } {
  if (stage === 'drop') return { device: 'vb', packets: counts.ipReceivedByB };
  if (stage === 'consume') return { device: 'vb', packets: counts.receivedByB - counts.ipReceivedByB };
  return stage === 'netif-rx'
    ? { device: 'vb', packets: counts.receivedByB }
    : { device: 'va', packets: counts.sentByA };
}

async function trace(world: QuietWorld, rungs: readonly RungOf[]) {
  const chosen = rungs.flatMap((rung) => ['--mechanism', rungName(rung)]);
  const namespaces = [world.a, world.b].flatMap(({ netns }) => ['--netns', netns.name]);
  const stages = rungs.map(({ stage }) => stage).join(',');
  const tracer = await Tracer.start([...namespaces, '--stages', stages, ...chosen]);
  const counts = await countsDuring(world, async () => {
    await flood(world, UDP_PACKETS, PACKETS_PER_SECOND);
    await floodArp(world, ARP_FRAMES);
  });
  return { counts, result: await tracer.stop() };
}

for (const rungs of rounds) {
  describe(`beside the taps: ${rungs.map(rungName).join(', ')}`, () => {
    let world: QuietWorld;
    let counts: Counts;
    let result: TraceResult;
    before(async () => {
      world = await createQuietWorld();
      ({ counts, result } = await trace(world, rungs));
    });
    after(() => world?.close());

    it('the kernel counted all packets', () => {
      const { sentByA, receivedByB, ipReceivedByB } = counts;
      const all = UDP_PACKETS + ARP_FRAMES;
      assert.deepEqual([sentByA, receivedByB, ipReceivedByB], [all, all, UDP_PACKETS]);
    });
    for (const rung of rungs)
      it(`${rungName(rung)}: as many as the kernel counted`, () => {
        const { device, packets } = expectedOf(rung.stage, counts);
        const events = result.events.filter(({ stage, ifname }) => stage === rung.stage && ifname === device);
        assert.equal(events.length, packets, result.stderr);
        assert.deepEqual([...new Set(events.map(({ mechanism }) => mechanism))], [rung.mechanism]);
      });
  });
}

/** The first of each mechanism: a mechanism is refused in one place, and each refusal takes seconds to see here. */
function firstOfEachMechanism(rungs: readonly RungOf[]): RungOf[] {
  return [...new Map([...rungs].reverse().map((rung) => [rung.mechanism, rung])).values()].reverse();
}

describe('a rung that cannot work here', () => {
  // Elsewhere it hangs on the modules that are loaded whether rx handlers can be watched (rx-handlers.guest.ts).
  const isSure = ({ stage }: RungOf) => isConfidential || stage !== 'rx-handler';
  const refused = builtRungs.filter((one) => isSure(one) && !mustWork(one));
  for (const rung of firstOfEachMechanism(refused))
    it(`${rungName(rung)}: exit 3 and the reason`, async () => {
      const asked = ['--stages', rung.stage, '--mechanism', rungName(rung), '--duration', '1'];
      const said = await runTaptrace(asked);
      assert.deepEqual(said.exit, { code: 3, signal: null }, said.stderr);
      assert.match(linesSaid(said)[0]!, new RegExp(`${rungName(rung)} .*: .+`));
      assert.equal(said.stdout, '');
    });
});
