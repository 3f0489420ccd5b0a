/**
 * Packets that matched once are followed: through translation and forwarding to their end, and no others, although the
 * kernel uses the same few sk_buffs again and again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Follower } from '../support/follower.js';
import { loadNft, nftCounter } from '../support/oracles/nft.js';
import { createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { createRouterWorld, type RouterWorld } from '../support/router.js';
import { Tracer } from '../support/tracer.js';
import { cannotRunLive, toolPath } from '../support/world.js';

const skip = cannotRunLive(['nft']) ?? false;
const MARK = '0x77';

describe('a packet that is translated and forwarded', { skip }, () => {
  const PACKETS = 5;
  let world: RouterWorld;
  before(async () => {
    if (skip) return;
    world = await createRouterWorld();
    await loadNft(
      world.toA,
      `table ip nat {
 chain pre { type nat hook prerouting priority -100; udp dport 4800 dnat to ${world.c.ipv4}:4801; }
 chain post { type nat hook postrouting priority 100; udp dport 4801 snat to ${world.toC.ipv4}; }
}
table ip marks {
 counter marked {}
 chain through { type filter hook forward priority 0; udp dport 4801 meta mark set ${MARK} counter name marked; }
}
`,
    );
  });
  after(() => world?.close());

  const namespaces = () => [world.a, world.toA, world.c].flatMap(({ netns }) => ['--netns', netns.name]);
  const send = () =>
    world.a.send([
      ...[toolPath('udp_flood'), '--to', world.toA.ipv4, '--port', '4800', '--size', '20'],
      ...['--rate', '200', '--count', String(PACKETS)],
    ]);

  it('is shown by trace from where it matched, in one namespace, to its end in another', async () => {
    const args = ['--stages', 'taps,netfilter', '--mark', MARK, '--follow', ...namespaces()];
    const tracer = await Tracer.start(args);
    await send();
    await tracer.untilLines('"stage":"drop"', PACKETS);
    const { events, header, summary } = await tracer.stop();
    assert.equal(await nftCounter(world.toA, 'marked'), PACKETS);
    assert.deepEqual([header.follow, header.lookBack, summary.complete], [true, false, true]);
    const places = new Map<number, string[]>();
    for (const { packet, stage, ifname } of events) {
      const place = ifname ? `${stage}@${ifname}` : stage;
      const way = places.get(packet!) ?? [];
      places.set(packet!, way.at(-1) === place ? way : [...way, place]);
    }
    const { toC, c } = world;
    const hooks = 'nf-forward' in header.plan;
    assert.equal(places.size, PACKETS);
    for (const way of places.values()) {
      if (hooks) assert.equal(way[0], `nf-forward@${world.toA.device}`);
      const behind = way.filter((place) => !place.startsWith('nf-'));
      assert.deepEqual(behind.slice(0, 2), [`tx-tap@${toC.device}`, `rx-tap@${c.device}`]);
      assert.equal(way.at(-1), `drop@${c.device}`);
    }
    assert.ok(events.every(({ dst, dport }) => dst === c.ipv4 && dport === 4801));
  });

  it('is shown by path from there too, and from its first event with --look-back', async () => {
    const ways: string[][] = [];
    for (const more of [[], ['--look-back']]) {
      const follower = await Follower.start(['--mark', MARK, ...namespaces(), ...more]);
      await send();
      await follower.until(PACKETS);
      const { journeys } = await follower.stop();
      assert.equal(journeys.length, PACKETS);
      ways.push([...new Set(journeys.map(({ events }) => `${events[0]!.netns} ${events[0]!.dport}`))]);
      assert.ok(journeys.every(({ end }) => end.stage === 'drop' && end.reason === 'NO_SOCKET'));
    }
    const { toA, a } = world;
    assert.deepEqual(ways, [[`${toA.netns.inode} 4801`], [`${a.netns.inode} 4800`]]);
  });
});

describe('a packet that is copied for a tap', { skip: skip || cannotRunLive(['tcpdump']) }, () => {
  const PACKETS = 10;
  let world: QuietWorld;
  before(async () => {
    if (!skip) world = await createQuietWorld();
  });
  after(() => world?.close());

  it("is followed with the tap's clone, each to its own end", async () => {
    const { a, b } = world;
    await loadNft(
      a,
      `table ip marks {
 chain out { type filter hook output priority 0; meta mark set ${MARK}; }
 chain post { type filter hook postrouting priority 0; meta mark set 0; }
}
`,
    );
    const tap = a.spawn(['tcpdump', '-i', a.device, '-Z', 'root', '-w', '/dev/null']);
    await tap.until(() => tap.stderr.includes('listening on'), 'tcpdump');
    const namespaces = [a, b].flatMap(({ netns }) => ['--netns', netns.name]);
    // At the taps the mark is gone again: what is shown there is followed.
    const tracer = await Tracer.start([
      '--stages',
      'nf-output,taps',
      '--mark',
      MARK,
      '--follow',
      ...namespaces,
    ]);
    await flood(world, PACKETS, 0);
    await tracer.untilLines('"stage":"drop"', PACKETS);
    await tap.stop('SIGINT');
    const { events, header } = await tracer.stop();
    assert.ok('nf-output' in header.plan);
    const ends = events.filter(({ stage }) => stage === 'consume' || stage === 'drop');
    const skbs = new Map<number, Set<string>>();
    for (const { packet, skb } of ends) skbs.set(packet!, (skbs.get(packet!) ?? new Set()).add(skb!));
    assert.deepEqual(
      [...skbs.values()].map(({ size }) => size),
      Array<number>(PACKETS).fill(2),
    );
    assert.equal(ends.filter(({ stage }) => stage === 'drop').length, PACKETS);
  });
});

describe('a datagram in fragments', { skip }, () => {
  const PORT = 4900;
  let world: QuietWorld;
  before(async () => {
    if (!skip) world = await createQuietWorld();
  });
  after(() => world?.close());

  it('is shown without those that do not match themselves, unless everything is looked at', async () => {
    const { a, b } = world;
    const namespaces = [a, b].flatMap(({ netns }) => ['--netns', netns.name]);
    const parts: (string | undefined)[][] = [];
    for (const more of [[], ['--look-back']]) {
      const filter = ['udp', 'dst', 'port', String(PORT)];
      const follower = await Follower.start([
        '--stages',
        'taps,nf-output',
        ...more,
        ...namespaces,
        ...filter,
      ]);
      const flow = ['--to', b.ipv4, '--port', String(PORT), '--size', '4000', '--count', '1'];
      await a.send([toolPath('udp_flood'), ...flow]);
      await follower.until(more.length > 0 ? 3 : 1);
      const { journeys, header } = await follower.stop();
      assert.ok(header.notes.some((note) => note.includes('--look-back')));
      parts.push(journeys.map((journey) => journey.parents[0]?.how).sort());
    }
    assert.deepEqual(parts, [[undefined], ['fragment', 'fragment', undefined]]);
  });
});

describe('among many packets that do not match', { skip }, () => {
  const PACKETS = 100_000;
  const BURST = 20_000;
  const ONE_IN = 100;
  let world: QuietWorld;
  before(async () => {
    if (skip) return;
    world = await createQuietWorld();
    await loadNft(
      world.a,
      `table ip marks {
 counter marked {}
 chain out {
  type filter hook output priority 0
  numgen inc mod ${ONE_IN} 7 meta mark set ${MARK} counter name marked
 }
}
`,
    );
  });
  after(() => world?.close());

  it('shows exactly those that do, each at every stage, though sk_buffs are used again', async () => {
    const namespaces = [world.a, world.b].flatMap(({ netns }) => ['--netns', netns.name]);
    const args = ['--stages', 'taps,start-xmit,xmit-done', '--mark', MARK, '--follow', ...namespaces];
    const tracer = await Tracer.start(args);
    for (let first = 0; first < PACKETS; first += BURST) await flood(world, BURST, 0, 64, first);
    await tracer.untilLines('"stage":"drop"', PACKETS / ONE_IN);
    const { events, summary } = await tracer.stop();
    assert.equal(await nftCounter(world.a, 'marked'), PACKETS / ONE_IN);
    assert.equal(summary.complete, true);
    const numbers = new Map<number, Set<number>>();
    const stages = new Map<string, number>();
    for (const { data, packet, stage } of events) {
      stages.set(stage, (stages.get(stage) ?? 0) + 1);
      if (stage === 'xmit-done') continue;
      // Behind the UDP header stands the number that the sender gave it.
      const at = data!.indexOf('4500') + 2 * (20 + 8);
      const number = Number(BigInt(`0x${data!.slice(at, at + 16)}`));
      numbers.set(packet!, (numbers.get(packet!) ?? new Set()).add(number));
    }
    const each = PACKETS / ONE_IN;
    assert.deepEqual(Object.fromEntries(stages), {
      ...{ 'tx-tap': each, 'start-xmit': each, 'xmit-done': each, 'rx-tap': each, drop: each },
    });
    assert.equal(numbers.size, each);
    for (const of of numbers.values()) {
      assert.equal(of.size, 1, 'one number a packet');
      assert.equal([...of][0]! % ONE_IN, [...numbers.values()][0]!.values().next().value! % ONE_IN);
    }
  });
});

describe('more packets than the table of followed ones holds', { skip }, () => {
  const HELD = 50_000;
  /** Each packet takes two. */
  const PLACES = 65_536;
  let world: RouterWorld;
  before(async () => {
    if (!skip) world = await createRouterWorld();
  });
  after(() => world?.close());

  it('is bounded, and says that it was full', async () => {
    const { a, toA, toC, c } = world;
    // The router's queue holds them all; a sender's own queue would stop the sender.
    const shape = ['rate', '8bit', 'burst', '2000', 'limit', '100000000'];
    await toC.run(['tc', 'qdisc', 'add', 'dev', toC.device, 'root', 'tbf', ...shape]);
    const args = ['--netns', toA.netns.name, '--stages', 'rx-tap', '--min-len', '60', '--follow'];
    const tracer = await Tracer.start(['-s', '64', ...args]);
    const flood = ['--to', c.ipv4, '--size', '20', '--rate', '15000', '--count', String(HELD)];
    await a.send([toolPath('udp_flood'), ...flood]);
    const { summary, stderr } = await tracer.stop();
    const held = await toC.run(['tc', '-s', 'qdisc', 'show', 'dev', toC.device]);
    const packets = Number(/backlog \w+ (\d+)p/.exec(held)?.[1]);
    assert.ok(packets > PLACES / 2, held);
    assert.ok(summary.forgotten! > 0, JSON.stringify(summary));
    assert.match(stderr, /the table of followed packets was full: \d+ times the oldest was let go/);
  });
});
