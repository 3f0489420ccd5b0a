/**
 * Armed or not: every packet gives exactly one tx-tap event, whoever taps, and the trace says who does. Without
 * --arm it taps nothing itself.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { addQuietLink, countsDuring, createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { packetSockets } from '../support/residue.js';
import { type TraceEvent, Tracer } from '../support/tracer.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['tcpdump']) ?? false;
const PACKETS = 500;

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

const namespaces = () => ['--netns', world.a.netns.name, '--netns', world.b.netns.name];
const socketsNow = () => [world.a, world.b].flatMap(({ netns }) => packetSockets(netns.name));

/** Values of one key over the events at a stage, each once. */
function valuesOf(events: readonly TraceEvent[], stage: string, name: keyof TraceEvent): unknown[] {
  return [...new Set(events.filter((event) => event.stage === stage).map((event) => event[name]))];
}

function countAt(events: readonly TraceEvent[], stage: string, ifname: string): number {
  return events.filter((event) => event.stage === stage && event.ifname === ifname).length;
}

/** That each packet is one event at each tap. */
function assertOnce(events: readonly TraceEvent[], sent: number, { a, b } = world): void {
  assert.equal(countAt(events, 'tx-tap', a.device), sent);
  assert.equal(countAt(events, 'rx-tap', b.device), sent);
}

async function trace(args: readonly string[]) {
  const tracer = await Tracer.start([...namespaces(), ...args]);
  const sockets = socketsNow();
  const { sentByA } = await countsDuring(world, () => flood(world, PACKETS, 20_000));
  assert.equal(sentByA, PACKETS);
  const result = await tracer.stop();
  assert.deepEqual(result.exit, { code: 0, signal: null });
  assertOnce(result.events, PACKETS);
  const interfaces = result.header.interfaces as { ifname: string; armed: boolean; armedBy: object[] }[];
  return { ...result, sockets, device: interfaces.find(({ ifname }) => ifname === world.a.device)! };
}

async function whileTcpdumpRuns(use: (pid: number) => Promise<void>): Promise<void> {
  const { a } = world;
  const tcpdump = a.spawn(['tcpdump', '-i', a.device, '-Z', 'root', '-w', '/dev/null']);
  await tcpdump.until(() => tcpdump.stderr.includes('listening on'), 'capture start');
  await use(tcpdump.pid);
  await tcpdump.stop('SIGINT');
}

describe('armed', { skip }, () => {
  it('nobody taps: one tx-tap event a packet, inferred, and no packet socket of ours', async () => {
    const { events, device, sockets, stderr } = await trace([]);
    assert.deepEqual(valuesOf(events, 'tx-tap', 'armed'), [false]);
    assert.deepEqual(valuesOf(events, 'tx-tap', 'mechanism'), ['inferred']);
    assert.deepEqual(valuesOf(events, 'tx-tap', 'observed'), [true]);
    assert.deepEqual(sockets, []);
    assert.equal(device.armed, false);
    assert.deepEqual(device.armedBy, []);
    assert.match(stderr, /not armed: nobody taps .*va@/);
  });

  it('tcpdump taps: one armed tx-tap event a packet, and it is named with its pid', async () => {
    await whileTcpdumpRuns(async (pid) => {
      const { events, device, sockets, stderr } = await trace([]);
      assert.deepEqual(valuesOf(events, 'tx-tap', 'armed'), [true]);
      assert.deepEqual(valuesOf(events, 'rx-tap', 'armed'), [false]);
      assert.deepEqual(valuesOf(events, 'tx-tap', 'observed'), [true]);
      assert.equal(sockets.length, 1, 'tcpdump has one, and we have none');
      assert.equal(device.armed, true);
      assert.deepEqual(device.armedBy, [{ pid, comm: 'tcpdump' }]);
      assert.match(stderr, new RegExp(`armed: va@\\S+ by tcpdump \\(pid ${pid}\\)`));
    });
  });

  it('--arm: one tx-tap event a packet, from inside the tap, and it says that it is us', async () => {
    const { header, events, device, sockets, stderr } = await trace(['--arm']);
    assert.equal(header.arm, true);
    for (const stage of ['rx-tap', 'tx-tap']) {
      assert.deepEqual(valuesOf(events, stage, 'armed'), [true]);
      assert.deepEqual(valuesOf(events, stage, 'mechanism'), ['packet_socket']);
      assert.deepEqual(valuesOf(events, stage, 'observed'), [false]);
    }
    assert.equal(sockets.length, 4, 'one socket a device: lo and one end of the pair in each namespace');
    assert.equal(device.armed, true);
    assert.match(stderr, /armed: .*va@.* by this trace/);
  });

  it('--arm beside tcpdump: still one tx-tap event a packet, and both are named', async () => {
    await whileTcpdumpRuns(async (pid) => {
      const { events, device, stderr } = await trace(['--arm']);
      assert.deepEqual(valuesOf(events, 'tx-tap', 'mechanism'), ['packet_socket']);
      assert.deepEqual(device.armedBy, [{ pid, comm: 'tcpdump' }]);
      assert.match(stderr, new RegExp(`va@\\S+ by tcpdump \\(pid ${pid}\\).*by this trace`));
    });
  });
});

describe('a device that appears', { skip }, () => {
  const SENT = 40_000;

  /** Sends over a device that has just appeared; by which mechanisms its packets were seen. */
  async function mechanismsOfNewcomer(letter: string): Promise<string[]> {
    const tracer = await Tracer.start([...namespaces(), '--arm']);
    const link = await addQuietLink(world, letter);
    // The device is armed by the next look at the devices, while this goes on.
    const { sentByA, ipReceivedByB } = await countsDuring(link, () => flood(link, SENT, 50_000));
    assert.deepEqual([sentByA, ipReceivedByB], [SENT, SENT]);
    const { events, summary } = await tracer.stop();
    assert.equal(summary.complete, true);
    assertOnce(events, SENT, { ...world, ...link });
    return [...new Set(events.map(({ mechanism }) => mechanism))];
  }

  it('gives each packet once, before it is armed and afterwards', async () => {
    // On a busy machine a device may be armed before its traffic has begun.
    for (const letter of ['n', 'o', 'p', 'q']) {
      const mechanisms = await mechanismsOfNewcomer(letter);
      assert.ok(mechanisms.includes('packet_socket'), mechanisms.join(', '));
      if (mechanisms.length > 1) return;
    }
    assert.fail('each device was armed before its traffic had begun');
  });
});
