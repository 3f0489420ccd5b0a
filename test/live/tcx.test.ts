/** tc-ingress and tc-egress by tcx, beside the counters of devices and of the user's own filters behind it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { run } from '../support/process.js';
import { addQuietLink, countsDuring, createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { attachTcDrop, TC_DROPPED_PORT } from '../support/tc.js';
import { type TraceEvent, type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['tc', 'clang', 'bpftool']) ?? false;
const PACKETS = 100;
const RATE = 2000;

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

const netnsArgs = () => ['--netns', world.a.netns.name, '--netns', world.b.netns.name];

const at = ({ events }: TraceResult, stage: string, device: string): TraceEvent[] =>
  events.filter((event) => event.stage === stage && event.ifname === device);

async function trace(args: readonly string[], use: () => Promise<void>): Promise<TraceResult> {
  const tracer = await Tracer.start([...netnsArgs(), ...args]);
  await use();
  const result = await tracer.stop();
  assert.equal(result.exit.code, 0, result.stderr);
  return result;
}

/** Names of the BPF programs there are. */
async function programNames(): Promise<string[]> {
  const programs = JSON.parse(await run(['bpftool', '-j', 'prog', 'show'])) as {
    name?: string;
    type: string;
  }[];
  return programs.filter(({ type }) => type === 'sched_cls').map(({ name = '' }) => name);
}

describe('tc by tcx', { skip }, () => {
  it('sees each packet once, between the stages around it, and is gone afterwards', async () => {
    const before = await programNames();
    let sent = 0;
    let received = 0;
    const result = await trace(['--stages', 'tc-egress,dev-queue,rx-tap,tc-ingress'], async () => {
      const counts = await countsDuring(world, () => flood(world, PACKETS, RATE));
      [sent, received] = [counts.sentByA, counts.receivedByB];
    });
    assert.deepEqual([sent, received], [PACKETS, PACKETS]);
    const out = at(result, 'tc-egress', world.a.device);
    const into = at(result, 'tc-ingress', world.b.device);
    assert.equal(out.length, sent);
    assert.equal(into.length, received);
    assert.ok([...out, ...into].every(({ observed, mechanism }) => !observed && mechanism === 'tcx'));
    assert.equal(result.summary.complete, true);
    const order = result.events.map(({ stage }) => stage);
    assert.deepEqual(
      order,
      Array.from({ length: PACKETS }, () => ['tc-egress', 'dev-queue', 'rx-tap', 'tc-ingress']).flat(),
    );
    assert.deepEqual(
      into.map(({ data, len, skb }) => [data, len, skb]),
      at(result, 'rx-tap', world.b.device).map(({ data, len, skb }) => [data, len, skb]),
      'the same packets, from the same byte on',
    );
    assert.deepEqual(await programNames(), before);
  });

  for (const direction of ['ingress', 'egress'] as const) {
    it(`sees what a filter of the user drops behind it at ${direction}, and the drop says so`, async () => {
      const end = direction === 'ingress' ? world.b : world.a;
      const filter = await attachTcDrop(end, direction);
      const stage = `tc-${direction}`;
      const result = await trace(['--stages', `${stage},dev-queue,drop`], () =>
        world.a.send(['bash', '-c', sendTo(world.b.ipv4, TC_DROPPED_PORT, PACKETS)]).then(() => undefined),
      );
      const dropped = await filter.dropped();
      await filter.remove();
      assert.equal(dropped, PACKETS);
      assert.equal(at(result, stage, end.device).length, PACKETS);
      const drops = at(result, 'drop', end.device).filter(({ dport }) => dport === TC_DROPPED_PORT);
      assert.equal(drops.length, dropped);
      for (const { diedIn, reason } of drops) {
        assert.equal(diedIn?.stage, stage);
        assert.equal(reason, `TC_${direction.toUpperCase()}`);
      }
      if (direction === 'egress') assert.deepEqual(at(result, 'dev-queue', end.device), []);
    });
  }

  it('follows a device that appears', async () => {
    const result = await trace(['--stages', 'tc-ingress'], async () => {
      const link = await addQuietLink(world, 'n');
      await new Promise((resolve) => setTimeout(resolve, 600));
      await flood(link, PACKETS, RATE);
    });
    assert.equal(at(result, 'tc-ingress', 'vnb').length, PACKETS);
  });

  it('--observe forbids it', async () => {
    const result = await trace(['--observe', '--stages', 'tc-egress,start-xmit'], () =>
      flood(world, 1, RATE),
    );
    assert.deepEqual(at(result, 'tc-egress', world.a.device), []);
    assert.match(result.stderr, /not watched: tc-egress \(.*a probe \(--observe\)/);
  });
});

const sendTo = (host: string, port: number, count: number): string =>
  `for i in $(seq ${count}); do echo $i > /dev/udp/${host}/${port}; done`;
