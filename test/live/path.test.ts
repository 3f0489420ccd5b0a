/** `path` on real packets: one sk_buff over two devices, taps' clones, what NAT changed, how a run ends. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runInShell, runTaptrace } from '../support/cli.js';
import { Follower, type PathLine, type PathResult } from '../support/follower.js';
import { Tracer } from '../support/tracer.js';
import { cannotRunLive, createWorld, type End, toolPath, type World } from '../support/world.js';

const skip = cannotRunLive(['nft']) ?? false;
/** Nobody listens there. */
const CLOSED_PORT = 47;
const FILTER = ['udp', 'port', String(CLOSED_PORT)];

let world: World;
before(async () => {
  if (!skip) world = await createWorld();
});
after(() => world?.close());

const namespaces = (...ends: End[]): string[] => ends.flatMap(({ netns }) => ['--netns', netns.name]);

async function send(from: End, to: string, port = CLOSED_PORT, count = 1): Promise<void> {
  const flow = ['--to', to, '--port', String(port), '--size', '20', '--rate', '200'];
  await from.send([toolPath('udp_flood'), ...flow, '--count', String(count)]);
}

/** One packet is sent, and followed to its end. */
async function follow(args: readonly string[], use: () => Promise<void>): Promise<PathResult> {
  const follower = await Follower.start(args);
  await use();
  await follower.until(1);
  return follower.stop();
}

const eventAt = ({ events }: PathLine, stage: string) => events.find((event) => event.stage === stage)!;

describe('one datagram', { skip }, () => {
  it('is the same sk_buff on both ends of a veth pair, also where only one of them was asked for', async () => {
    const { a, b } = world;
    const seen = await follow(['--look-back', ...namespaces(a, b), '-i', b.device, ...FILTER], () =>
      send(a, b.ipv4),
    );
    const [journey] = seen.journeys;
    const [sent, received] = [eventAt(journey!, 'start-xmit'), eventAt(journey!, 'rx-tap')];
    assert.deepEqual([sent.ifname, sent.netns], [a.device, a.netns.inode]);
    assert.deepEqual([received.ifname, received.netns], [b.device, b.netns.inode]);
    assert.equal(received.skb, sent.skb);
    if ('tc-egress' in seen.header.plan) assert.equal(eventAt(journey!, 'tc-egress').ifname, a.device);
    assert.deepEqual(
      journey!.changes.filter(({ field }) => field === 'netns').map(({ from, to }) => [from, to]),
      [[a.netns.inode, b.netns.inode]],
    );
    assert.deepEqual([journey!.end.stage, journey!.end.reason], ['drop', 'NO_SOCKET']);
    assert.match(seen.stderr, /1 packet shown of/);
  });

  it('has a clone for the taps that are open, with an end of its own', async () => {
    const seen = await follow(['--arm', ...namespaces(world.a), ...FILTER], () => send(world.a, '127.0.0.1'));
    const [journey] = seen.journeys;
    const [tap, sent] = [eventAt(journey!, 'tx-tap'), eventAt(journey!, 'start-xmit')];
    assert.equal(tap.mechanism, 'packet_socket');
    assert.notEqual(tap.skb, sent.skb);
    assert.equal(tap.head, sent.head);
    assert.equal(eventAt(journey!, 'rx-tap').skb, sent.skb);
    assert.equal(journey!.branches[tap.branch]?.kind, 'tap-clone');
    assert.equal(journey!.end.stage, 'drop', "not the clone's end");
    const truths = journey!.truths.map(({ id }) => id);
    for (const id of ['armed-by-tap', 'loopback-twice', 'dropped-after-tap'])
      assert.ok(truths.includes(id), id);
  });

  it('is followed without a probe that others could see', async () => {
    const args = ['--observe', ...namespaces(world.a), ...FILTER];
    const { journeys, summary } = await follow(args, () => send(world.a, '127.0.0.1'));
    assert.ok(journeys[0]!.events.every(({ observed }) => observed));
    assert.equal(journeys[0]!.end.closed, 'ended');
    assert.equal(summary.complete, true);
  });
});

describe('a filter that only one stage matches', { skip }, () => {
  before(async () => {
    const rules =
      'table ip nat {\n chain pre {\n  type nat hook prerouting priority -100\n  udp dport 48 redirect to :49\n }\n}\n';
    await world.b.run(['nft', '-f', '-'], { input: rules });
  });
  after(() => world.b.run(['nft', 'flush', 'ruleset']));

  it('shows the packet from its first event, and the chain that rewrote it', async () => {
    const { a, b } = world;
    const args = ['--look-back', ...namespaces(a, b), 'udp', 'dst', 'port', '49'];
    const seen = await follow(args, () => send(a, b.ipv4, 48));
    const [journey] = seen.journeys;
    const first = journey!.events[0]!;
    assert.deepEqual([first.dport, first.netns], [48, a.netns.inode]);
    const rewritten = journey!.changes.find(({ field }) => field === 'dport');
    assert.deepEqual([rewritten?.from, rewritten?.to], [48, 49]);
    assert.equal(journey!.events[rewritten!.at]!.stage, 'nf-prerouting');
    assert.deepEqual(
      rewritten?.by?.map(({ table, chain }) => [table, chain]),
      [['nat', 'pre']],
    );
  });
});

describe('how a run of path ends', { skip }, () => {
  it('after -c packets', async () => {
    const follower = await Follower.start(['-c', '2', ...namespaces(world.a), ...FILTER]);
    await send(world.a, '127.0.0.1', CLOSED_PORT, 5);
    const { exit, journeys, summary } = await follower.ended();
    assert.deepEqual([exit.code, journeys.length, summary.packets], [0, 2, 2]);
  });

  it('when its reader has had enough', async () => {
    const traffic = `ip netns exec ${world.a.netns.name} ${toolPath('udp_flood')} --to 127.0.0.1 --port ${CLOSED_PORT} --size 20 --rate 20 --count 400`;
    const { exit, stdout } = await runInShell(
      `${traffic} >/dev/null & "$@" | head -n 1; exit "\${PIPESTATUS[0]}"`,
      ['path', ...namespaces(world.a), ...FILTER],
    );
    assert.equal(exit.code, 0);
    assert.match(stdout, /^packet \d+: [\d:.]+ IP 127\.0\.0\.1\.\d+ > 127\.0\.0\.1\.47: UDP, length 20\n$/);
  });

  it('says how many packets were followed, also when none was shown', async () => {
    const { exit, stdout, stderr } = await runTaptrace([
      'path',
      '--duration',
      '0.2',
      ...namespaces(world.a),
      ...FILTER,
    ]);
    assert.deepEqual([exit.code, stdout], [0, '']);
    assert.match(stderr, /0 packets shown of \d+ followed/);
  });
});

describe('trace with the ends of packets among its stages', { skip }, () => {
  it('numbers packets, and does not without', async () => {
    for (const [stages, isNumbered] of [
      ['taps,drop,consume', true],
      ['taps,drop', false],
    ] as const) {
      const tracer = await Tracer.start([...namespaces(world.a), '--stages', stages, ...FILTER]);
      await send(world.a, '127.0.0.1', CLOSED_PORT, 3);
      await tracer.untilLines('"stage":"drop"', 3);
      const { events, summary } = await tracer.stop();
      const numbers = events.map((event) => (event as { packet?: number }).packet);
      const each = isNumbered ? [1, 1, 1, 2, 2, 2, 3, 3, 3] : Array(9).fill(undefined);
      assert.deepEqual(numbers, each);
      assert.equal(summary.packets, isNumbered ? 3 : undefined);
    }
  });
});
