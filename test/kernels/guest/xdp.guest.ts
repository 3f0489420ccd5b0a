/** The return of a device's XDP program by trampoline: its verdicts beside the driver's own counters. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runTaptrace } from '../../support/cli.js';
import { driverStatistic } from '../../support/oracles/devices.js';
import { patient, run } from '../../support/process.js';
import { createQuietWorld, type QuietWorld } from '../../support/quiet.js';
import { type TraceEvent, type TraceResult, Tracer } from '../../support/tracer.js';
import { attachXdp, XDP_DROPPED_PORT } from '../../support/xdp.js';
import { mustWork, rungName } from './rungs.js';
import { isSince } from './situation.js';

const TAKEN = 25;
const PASSED = 15;
const rung = { stage: 'xdp', mechanism: 'fexit' } as const;

function sendTo({ a, b }: QuietWorld, port: number, count: number): Promise<unknown> {
  return a.send(['bash', '-c', `for i in $(seq ${count}); do echo $i > /dev/udp/${b.ipv4}/${port}; done`]);
}

/** Numbers of the programs that watch the return of others. */
async function watchersOfNow(): Promise<number[]> {
  const programs = JSON.parse(await run(['bpftool', '-j', 'prog', 'show'])) as {
    id: number;
    name?: string;
  }[];
  return programs.filter(({ name }) => name === 'verdict').map(({ id }) => id);
}

/** The watcher of the new program stands before that of the old one goes. */
async function untilReplaced(before: readonly number[]): Promise<void> {
  const deadline = Date.now() + patient(10_000);
  for (;;) {
    const now = await watchersOfNow();
    if (now.length === before.length && !before.every((id) => now.includes(id))) return;
    assert.ok(Date.now() < deadline, `still watched by ${now.join(', ')}`);
  }
}

if (mustWork(rung))
  describe('the return of an XDP program', { timeout: patient(60_000) }, () => {
    let world: QuietWorld;
    let result: TraceResult;
    const counted: Record<string, number> = {};
    const spans: (readonly [bigint, bigint])[] = [];

    /** What a program does costs most when it runs for the first time here: that is not looked at. */
    async function sendBoth(): Promise<void> {
      await sendTo(world, XDP_DROPPED_PORT, 1);
      const earlier = await countsOfDriver();
      const from = process.hrtime.bigint();
      await sendTo(world, XDP_DROPPED_PORT, TAKEN);
      await sendTo(world, XDP_DROPPED_PORT + 1, PASSED);
      spans.push([from, process.hrtime.bigint()]);
      for (const [name, count] of Object.entries(await countsOfDriver()))
        counted[name] = (counted[name] ?? 0) + count - earlier[name]!;
    }

    async function countsOfDriver(): Promise<Record<string, number>> {
      const names = ['drops', 'tx', 'packets'];
      const read = (name: string) => driverStatistic(world.b, `rx_queue_0_xdp_${name}`);
      return Object.fromEntries(
        await Promise.all(names.map(async (name) => [name, await read(name)] as const)),
      );
    }

    /** One program after the other, the second in the place of the first while it is watched. */
    before(async () => {
      world = await createQuietWorld();
      await attachXdp(world.b, 'drop', 'xdpdrv');
      // veth sends back only to an end that polls, up to 5.12 to one with a program (drivers/net/veth.c, veth_xdp_xmit).
      if (isSince('6.1')) await world.a.run(['ethtool', '-K', world.a.device, 'gro', 'on']);
      else await attachXdp(world.a, 'pass', 'xdpdrv');
      const netns = [world.a, world.b].flatMap((end) => ['--netns', end.netns.name]);
      const stages = ['--stages', 'xdp,gro,rx-tap,start-xmit,drop,consume'];
      const tracer = await Tracer.start([...netns, ...stages, '--mechanism', rungName(rung)]);
      await sendBoth();
      const watchers = await watchersOfNow();
      await attachXdp(world.b, 'tx', 'xdpdrv');
      await untilReplaced(watchers);
      await sendBoth();
      result = await tracer.stop();
    });
    after(() => world?.close());

    const events = (stage: string, device: string): TraceEvent[] =>
      result.events.filter(
        (event) =>
          event.stage === stage &&
          event.ifname === device &&
          spans.some(([from, to]) => BigInt(event.tsNs) >= from && BigInt(event.tsNs) <= to),
      );
    const at = (stage: string, verdict?: string): TraceEvent[] =>
      events(stage, 'vb').filter((event) => verdict === undefined || event.verdict === verdict);

    it('as many verdicts as the driver counted', () => {
      assert.deepEqual(counted, { drops: TAKEN, tx: TAKEN, packets: 2 * (TAKEN + PASSED) }, result.stderr);
      assert.equal(at('xdp', 'drop').length, counted.drops, result.stderr);
      assert.equal(at('xdp', 'tx').length, counted.tx, result.stderr);
      assert.equal(at('xdp', 'pass').length, counted.packets - counted.drops - counted.tx);
      assert.equal(at('xdp').length, counted.packets);
      // 5.10 does not count skipped programs.
      assert.equal(result.summary.complete, isSince('6.1') ? true : 'unknown', result.stderr);
    });
    it('frames without an skb, with the bytes that the tap sees', () => {
      assert.ok(at('xdp').every(({ skb, mechanism }) => skb === undefined && mechanism === 'fexit'));
      const bytes = (all: readonly TraceEvent[]) => all.map(({ data }) => data);
      assert.deepEqual(bytes(at('xdp', 'pass')), bytes(at('rx-tap')));
    });
    it('one packet goes on from XDP to the tap, by its memory', () => {
      const taps = at('rx-tap');
      const passed = at('xdp', 'pass');
      assert.deepEqual(
        passed.map(({ packet }) => packet),
        taps.map(({ packet }) => packet),
      );
      assert.equal(new Set(taps.map(({ packet }) => packet)).size, 2 * PASSED);
    });
    it('what was sent before it is the same packet', () => {
      const sent = events('start-xmit', 'va');
      const pairs = at('xdp').map((frame, index) => ({ frame, sender: sent[index]! }));
      // Between its end at the sender and XDP a packet is waited for no longer than that (journey/waiting.ts).
      const soon = pairs.filter(({ frame, sender }) => BigInt(frame.tsNs) - BigInt(sender.tsNs) < 4_000_000n);
      assert.ok(soon.length > pairs.length / 2, `${soon.length} of ${pairs.length}`);
      for (const { frame, sender } of soon) assert.equal(frame.packet, sender.packet);
    });
  });

describe('XDP programs that cannot be watched', () => {
  it('says so where no device has one', async () => {
    const said = await runTaptrace(['--stages', 'xdp', '--duration', '1']);
    assert.equal(said.exit.code, 3, said.stderr);
    assert.match(said.stderr, mustWork(rung) ? /none of the devices has a native XDP program/ : /xdp/);
  });
});
