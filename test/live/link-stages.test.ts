/** Stages of the link layer that tracepoints watch, each beside what the kernel itself counted there. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { run } from '../support/process.js';
import { countsDuring, createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { type TraceEvent, type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive, type End } from '../support/world.js';

const skip = cannotRunLive(['tc', 'ethtool']) ?? false;
const PACKETS = 200;
const RATE = 2000;

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

async function trace(stages: string, use: () => Promise<void>): Promise<TraceResult> {
  const { a, b } = world;
  const namespaces = ['--netns', a.netns.name, '--netns', b.netns.name];
  const tracer = await Tracer.start([...namespaces, '--stages', stages]);
  await use();
  return tracer.stop();
}

const at = ({ events }: TraceResult, stage: string): TraceEvent[] =>
  events.filter((event) => event.stage === stage);

function assertComplete({ summary, exit }: TraceResult): void {
  assert.equal(summary.complete, true);
  assert.equal(exit.code, 0);
}

/** `Sent 9200 bytes 200 pkt (dropped 0, overlimits 189 requeues 3)` of the root qdisc. */
async function qdiscCounts(end: End): Promise<{ sent: number; dropped: number }> {
  const text = await run(['tc', '-n', end.netns.name, '-s', 'qdisc', 'show', 'dev', end.device, 'root']);
  const [, sent, dropped] = /Sent \d+ bytes (\d+) pkt \(dropped (\d+)/.exec(text) ?? [];
  return { sent: Number(sent), dropped: Number(dropped) };
}

describe('gro', { skip }, () => {
  it('shows each frame that the device hands to GRO, as the device counted them', async () => {
    // veth hands packets to GRO where the sender does not segment by itself (drivers/net/veth.c,
    // veth_skb_is_eligible_for_gro).
    await world.a.run(['ethtool', '-K', world.a.device, 'tso', 'off']);
    await world.b.run(['ethtool', '-K', world.b.device, 'gro', 'on']);
    let counted = 0;
    const result = await trace('gro,netif-rx', async () => {
      counted = (await countsDuring(world, () => flood(world, PACKETS, RATE))).receivedByB;
    });
    await world.b.run(['ethtool', '-K', world.b.device, 'gro', 'off']);
    assertComplete(result);
    assert.equal(counted, PACKETS);
    const seen = at(result, 'gro').filter(({ ifname }) => ifname === world.b.device);
    assert.equal(seen.length, counted);
    assert.ok(seen.every(({ summary, observed }) => /UDP/.test(summary ?? '') && observed));
    assert.deepEqual(at(result, 'netif-rx'), []);
  });
});

describe('a qdisc', { skip }, () => {
  const stages = 'dev-queue,qdisc-enqueue,qdisc-dequeue,drop,start-xmit,xmit-done';
  let result: TraceResult;
  let counted: { sent: number; dropped: number };

  /** Traffic faster than the qdisc lets it out, with room for some of it. */
  async function traceQdisc(packets: number, limitBytes: number): Promise<void> {
    const { a } = world;
    const tc = ['tc', '-n', a.netns.name, 'qdisc'];
    const shape = ['rate', '20mbit', 'burst', '3k', 'limit', String(limitBytes)];
    await run([...tc, 'replace', 'dev', a.device, 'root', 'tbf', ...shape]);
    result = await trace(stages, async () => {
      await flood(world, packets, 100_000, 1000);
      await new Promise((resolve) => setTimeout(resolve, 300));
      counted = await qdiscCounts(a);
    });
    await run([...tc, 'del', 'dev', a.device, 'root']);
  }

  it('each packet that was accepted is put in once and taken out once', async () => {
    await traceQdisc(PACKETS, 1_000_000);
    assertComplete(result);
    assert.deepEqual(counted, { sent: PACKETS, dropped: 0 });
    for (const stage of ['qdisc-enqueue', 'qdisc-dequeue']) {
      assert.equal(at(result, stage).length, PACKETS, stage);
      assert.equal(new Set(at(result, stage).map(({ data }) => data)).size, PACKETS, stage);
    }
  });
  it('what it has no room for was handed to it and is never put in', async () => {
    await traceQdisc(PACKETS, 20_000);
    assertComplete(result);
    assert.ok(counted.dropped > 0 && counted.sent > 0, JSON.stringify(counted));
    assert.equal(at(result, 'dev-queue').length, PACKETS);
    assert.equal(at(result, 'qdisc-enqueue').length, counted.sent);
    assert.equal(at(result, 'qdisc-dequeue').length, counted.sent);
    const drops = at(result, 'drop').filter(({ ifname }) => ifname === world.a.device);
    assert.equal(drops.length, counted.dropped);
  });
  it("the driver's answer is told once a packet, by its address alone", () => {
    const sent = at(result, 'start-xmit').filter(({ ifname }) => ifname === world.a.device);
    const done = at(result, 'xmit-done').filter(({ ifname }) => ifname === world.a.device);
    assert.equal(done.length, counted.sent);
    assert.deepEqual(
      done.map(({ skb, len }) => [skb, len]),
      sent.map(({ skb, len }) => [skb, len]),
    );
    assert.deepEqual([...new Set(done.map(({ verdict }) => verdict))], ['taken']);
    assert.ok(done.every((event) => event.data === undefined && event.summary === undefined));
  });
});

describe('packets that leave a qdisc together', { skip }, () => {
  let link: QuietWorld;
  before(async () => {
    link = await createQuietWorld({ queues: 2 });
  });
  after(() => link?.close());

  /** Whether any do is a matter of the timer's luck: in this many floods some do. */
  const tries = 8;
  it('are told one by one', async () => {
    // A device of several queues and a qdisc that is one for all of them: up to 9 packets are taken out at
    // once (net/sched/sch_generic.c, try_bulk_dequeue_skb_slow).
    const { a } = link;
    const tc = ['tc', '-n', a.netns.name, 'qdisc'];
    const shape = ['rate', '400mbit', 'burst', '20k', 'limit', '1000000'];
    await run([...tc, 'replace', 'dev', a.device, 'root', 'tbf', ...shape]);
    const tracer = await Tracer.start(['--netns', a.netns.name, '--stages', 'qdisc-dequeue,start-xmit']);
    for (let tried = 0; tried < tries; tried += 1) await flood(link, PACKETS, 100_000, 1000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const result = await tracer.stop();
    assertComplete(result);
    const out = at(result, 'qdisc-dequeue');
    assert.equal(out.length, (await qdiscCounts(a)).sent);
    assert.deepEqual(
      out.map(({ skb, data }) => [skb, data]),
      at(result, 'start-xmit').map(({ skb, data }) => [skb, data]),
    );
    const together = result.events.some(({ stage }, i) => {
      return stage === 'qdisc-dequeue' && result.events[i + 1]?.stage === 'qdisc-dequeue';
    });
    assert.ok(together, 'no two packets were taken out together: this run shows nothing');
  });
});
