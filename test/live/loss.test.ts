/**
 * Loss is exact: with the smallest ring and a consumer that is stopped, every packet is an event or is counted
 * as lost, at every stage. The kernel's own counters say how many packets there were.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Counts,
  countsDuring,
  createQuietWorld,
  flood,
  floodArp,
  type QuietWorld,
} from '../support/quiet.js';
import { type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive, type End } from '../support/world.js';

const skip = cannotRunLive() ?? false;
const PACKETS = 20_000;
/** Slow enough for the backlog of the receiving CPU, which may hold 1000 packets before it drops. */
const PACKETS_PER_SECOND = 50_000;
const FRAMES = 4000;

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

interface Traced {
  readonly counts: Counts;
  readonly result: TraceResult;
}

interface Case {
  readonly args: readonly string[];
  readonly ends: (world: QuietWorld) => readonly End[];
  readonly traffic: () => Promise<void>;
  /** Whether the tracer is stopped meanwhile, or runs and cannot keep up. */
  readonly stopped: boolean;
}

/** Traces with the smallest ring while the traffic runs. */
async function trace({ args, ends, traffic, stopped }: Case): Promise<Traced> {
  const namespaces = ends(world).flatMap(({ netns }) => ['--netns', netns.name]);
  const tracer = await Tracer.start([...namespaces, '--buffer-size', '4', ...args]);
  if (stopped) tracer.child.kill('SIGSTOP');
  const counts = await countsDuring(world, traffic);
  tracer.child.kill('SIGCONT');
  return { counts, result: await tracer.stop() };
}

const both = ({ a, b }: QuietWorld) => [a, b];

function lossesOf({ summary }: TraceResult, stage: string): { ring: number; recursion: number } {
  const { ring, recursion } = summary.lostByStage[stage]!;
  return { ring: ring!, recursion: recursion! };
}

/** Events of a stage, and packets that are no event but counted as lost. */
function accountedFor(result: TraceResult, stage: string): number {
  const { ring, recursion } = lossesOf(result, stage);
  return result.events.filter((event) => event.stage === stage).length + ring + recursion;
}

/** That nothing but the traffic was on the wire, and all of it went through every tap. */
function assertQuiet(counts: Counts, sent: number): void {
  const expected = { sentByA: sent, receivedByB: sent, sentByB: 0, receivedByA: 0 };
  const { ipReceivedByB: _, ...devices } = counts;
  assert.deepEqual(devices, expected);
}

/** That the summary and the lines on stderr tell the same losses, and call the trace incomplete. */
function assertTold({ summary, events, stderr }: TraceResult): void {
  const losses = Object.keys(summary.lostByStage).map((stage) => lossesOf({ summary } as TraceResult, stage));
  const sum = (kind: 'ring' | 'recursion') => losses.reduce((total, loss) => total + loss[kind], 0);
  assert.deepEqual(summary.lost, { ring: sum('ring'), recursion: sum('recursion'), user: 0 });
  assert.equal(summary.events, events.length);
  assert.equal(summary.complete, false);
  assert.match(stderr, /\d+ events? in [\d.]+ s, NOT complete/);
  for (const [stage, { ring }] of Object.entries(summary.lostByStage))
    if (ring)
      assert.ok(stderr.includes(`lost at ${stage}: ${ring} because the ring buffer was full`), stderr);
}

interface StageCase {
  readonly name: string;
  readonly args: readonly string[];
  readonly stages: readonly string[];
  readonly exitCode: number;
  readonly stopped?: boolean;
}

const floodCases: readonly StageCase[] = [
  { name: 'both taps', args: [], stages: ['rx-tap', 'tx-tap'], exitCode: 0 },
  { name: 'both taps, --fail-on-loss', args: ['--fail-on-loss'], stages: ['rx-tap', 'tx-tap'], exitCode: 4 },
  { name: 'both taps from inside, --arm', args: ['--arm'], stages: ['rx-tap', 'tx-tap'], exitCode: 0 },
  {
    name: 'the stages beside them, --fail-on-loss',
    args: ['--stages', 'netif-rx,rx-tap,dev-queue,tx-tap,start-xmit', '--fail-on-loss'],
    stages: ['netif-rx', 'rx-tap', 'dev-queue', 'tx-tap', 'start-xmit'],
    exitCode: 4,
  },
  {
    name: 'a consumer that runs and cannot keep up',
    args: [],
    stages: ['rx-tap', 'tx-tap'],
    exitCode: 0,
    stopped: false,
  },
];

describe('loss is exact', { skip }, () => {
  for (const { name, args, stages, exitCode, stopped = true } of floodCases) {
    it(`${name}: packets sent = events + lost, at each stage`, async () => {
      const traffic = () => flood(world, PACKETS, PACKETS_PER_SECOND);
      const { counts, result } = await trace({ args, ends: both, traffic, stopped });
      assertQuiet(counts, PACKETS);
      assert.equal(counts.ipReceivedByB, PACKETS);
      for (const stage of stages) {
        assert.ok(lossesOf(result, stage).ring > 0, `nothing lost at ${stage}: the test proves nothing`);
        assert.equal(accountedFor(result, stage), PACKETS, stage);
      }
      assertTold(result);
      assert.deepEqual(result.exit, { code: exitCode, signal: null });
    });
  }

  it('consume: packets received = events + lost', async () => {
    const traffic = () => floodArp(world, FRAMES);
    const args = ['--stages', 'consume', '-i', world.b.device];
    const { counts, result } = await trace({ args, ends: ({ b }) => [b], traffic, stopped: true });
    assertQuiet(counts, FRAMES);
    assert.equal(accountedFor(result, 'consume'), FRAMES);
    assertTold(result);
  });
});
