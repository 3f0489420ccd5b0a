/** `path` on real packets: the measured order of one datagram, its taps and clones, what NAT changed, how a run ends. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runInShell, runTaptrace } from '../support/cli.js';
import { type Followed, Follower, type JourneyLine } from '../support/follower.js';
import { Tracer } from '../support/tracer.js';
import { cannotRunLive, createWorld, type End, toolPath, type World } from '../support/world.js';

const skip = cannotRunLive(['nft']) ?? false;
/** Nobody listens there. */
const CLOSED_PORT = 47;
const FILTER = ['udp', 'port', String(CLOSED_PORT)];

/**
 * What one datagram passes, in the order that was measured on 6.18; a machine shows those it can watch. The driver's
 * answer comes when the other end has the packet in its backlog already. A tap's clone ends before the driver is called.
 */
const wayOut = ['nf-output', 'nf-postrouting', 'tc-egress', 'dev-queue'];
const wayIn = ['netif-rx', 'xmit-done', 'rx-tap', 'tc-ingress', 'nf-prerouting', 'nf-input', 'drop'];
const unarmed = [...wayOut, 'tx-tap', 'start-xmit', ...wayIn];
const armed = [...wayOut, 'tx-tap', 'consume', 'start-xmit', ...wayIn];

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
async function follow(args: readonly string[], use: () => Promise<void>): Promise<Followed> {
  const follower = await Follower.start(args);
  await use();
  await follower.until(1);
  return follower.stop();
}

/** Stages in order, the brackets of one hook as one. */
function stagesOf({ events }: JourneyLine): string[] {
  const ids = events.map(({ stage }) => stage);
  return ids.filter((id, index) => id !== ids[index - 1]);
}

function assertOrder({ header, journeys, summary }: Followed, order: readonly string[]): void {
  assert.equal(journeys.length, 1);
  const watched = order.filter((stage) => stage in header.plan);
  assert.ok(watched.length >= 7, `this machine watches ${watched.join(', ')}`);
  assert.deepEqual(
    stagesOf(journeys[0]!).filter((stage) => order.includes(stage)),
    watched,
  );
  assert.equal(journeys[0]!.end.closed, 'ended');
  assert.deepEqual([journeys[0]!.end.stage, journeys[0]!.end.reason], ['drop', 'NO_SOCKET']);
  assert.equal(summary.complete, true);
}

const eventAt = ({ events }: JourneyLine, stage: string) => events.find((event) => event.stage === stage)!;

describe('one datagram, in the measured order', { skip }, () => {
  it('over loopback', async () => {
    const seen = await follow([...namespaces(world.a), ...FILTER], () => send(world.a, '127.0.0.1'));
    assertOrder(seen, unarmed);
    const [journey] = seen.journeys;
    assert.ok(journey!.truths.some(({ id }) => id === 'loopback-twice'));
    assert.match(seen.stderr, /1 packet shown of/);
  });

  it('over veth, through two namespaces', async () => {
    const { a, b } = world;
    // Of the first device nobody asked: the packet is followed from there all the same.
    const seen = await follow([...namespaces(a, b), '-i', b.device, ...FILTER], () => send(a, b.ipv4));
    assertOrder(seen, unarmed);
    const [journey] = seen.journeys;
    const [sent, received] = [eventAt(journey!, 'start-xmit'), eventAt(journey!, 'rx-tap')];
    assert.deepEqual([sent.ifname, sent.netns], [a.device, a.netns.inode]);
    assert.deepEqual([received.ifname, received.netns], [b.device, b.netns.inode]);
    assert.equal(received.skb, sent.skb, 'the same sk_buff on both sides');
    assert.deepEqual(
      journey!.changes.filter(({ field }) => field === 'netns').map(({ from, to }) => [from, to]),
      [[a.netns.inode, b.netns.inode]],
    );
  });

  it('with the taps open: a clone for them, with an end of its own', async () => {
    const seen = await follow(['--arm', ...namespaces(world.a), ...FILTER], () => send(world.a, '127.0.0.1'));
    assertOrder(seen, armed);
    const [journey] = seen.journeys;
    const [tap, sent, received] = [
      eventAt(journey!, 'tx-tap'),
      eventAt(journey!, 'start-xmit'),
      eventAt(journey!, 'rx-tap'),
    ];
    assert.equal(tap.mechanism, 'packet_socket');
    assert.notEqual(tap.skb, sent.skb);
    assert.equal(tap.head, sent.head);
    assert.equal(received.skb, sent.skb);
    assert.equal(journey!.branches[tap.branch]?.kind, 'tap-clone');
    assert.ok(journey!.truths.some(({ id }) => id === 'armed-by-tap'));
  });

  it('watched without a probe', async () => {
    const seen = await follow(['--observe', ...namespaces(world.a), ...FILTER], () =>
      send(world.a, '127.0.0.1'),
    );
    assert.ok(seen.journeys[0]!.events.every(({ observed }) => observed));
    assertOrder(seen, unarmed);
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
    const seen = await follow([...namespaces(a, b), 'udp', 'dst', 'port', '49'], () => send(a, b.ipv4, 48));
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
