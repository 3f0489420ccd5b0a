/** Packets chosen by what the kernel knows of them, beside independent counts of the same packets. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { toHex } from '../support/bytes.js';
import { runTaptrace } from '../support/cli.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp, ipv6Udp } from '../support/frames.js';
import { loadNft, nftCounter } from '../support/oracles/nft.js';
import { addQuietLink, countsDuring, createQuietWorld, flood, type QuietWorld } from '../support/quiet.js';
import { type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive, toolPath } from '../support/world.js';

const skip = cannotRunLive(['nft']) ?? false;
const UID = 31_337;
const LINK_HEADER_BYTES = 14;

/** On the sender: a mark for every fourth packet, and counts of what the options have to choose. */
const RULES = `table ip chosen {
 counter marked {}
 counter long {}
 counter user {}
 chain out {
  type filter hook output priority 0
  meta l4proto udp numgen inc mod 4 0 meta mark set 0x115
 }
 chain post {
  type filter hook postrouting priority 0
  meta mark and 0xf0 == 0x10 counter name marked
  meta length >= 200 counter name long
  meta skuid ${UID} counter name user
 }
}
`;
/** On the receiver: one of three is dropped, the others by routing. */
const DROPS = `table ip drops {
 counter dropped {}
 chain pre {
  type filter hook prerouting priority 0
  numgen inc mod 3 0 counter name dropped drop
 }
}
`;

let world: QuietWorld;
before(async () => {
  if (!skip) world = await createQuietWorld();
});
after(() => world?.close());

/** Devices are looked at again every 250 ms. */
const devicesSeen = () => new Promise((resolve) => setTimeout(resolve, 800));

/** What a trace in both namespaces shows of the traffic, once so many events are there. */
async function traced(
  args: readonly string[],
  use: () => Promise<unknown>,
  events: () => Promise<number>,
): Promise<TraceResult> {
  const { a, b } = world;
  const tracer = await Tracer.start(['--netns', a.netns.name, '--netns', b.netns.name, ...args]);
  await use();
  await tracer.untilLines('"type":"event"', await events());
  const result = await tracer.stop();
  assert.equal(result.summary.complete, true);
  return result;
}

describe('what the sender sends', { skip }, () => {
  let dir: string;
  const named = () => join(dir, 'tt-named-sender');
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'taptrace-test-'));
    copyFileSync(toolPath('udp_flood'), named());
    await loadNft(world.a, RULES);
  });
  after(async () => {
    rmSync(dir, { recursive: true, force: true });
    await world.a.run(['nft', 'flush', 'ruleset']);
  });
  const sending = (tool: string, count: number, ...before: string[]) =>
    world.a.send([...before, tool, '--to', world.b.ipv4, '--size', '20', '--count', String(count)]);

  it('by --mark with a mask: as many as nft counts', async () => {
    const { events, header } = await traced(
      ['--stages', 'tx-tap', '--mark', '0x10/0xf0'],
      () => flood(world, 200, 0),
      () => nftCounter(world.a, 'marked'),
    );
    assert.equal(events.length, 50);
    assert.equal(await nftCounter(world.a, 'marked'), 50);
    assert.deepEqual(header.selection, { mark: { value: '0x10', mask: '0xf0' } });
  });

  it('by --min-len and --max-len, counted from the link header', async () => {
    const { events } = await traced(
      ['--stages', 'tx-tap', '--min-len', String(200 + LINK_HEADER_BYTES), '--max-len', '700'],
      async () => {
        await flood(world, 30, 0, 100);
        await flood(world, 40, 0, 172);
        await flood(world, 20, 0, 658);
        await flood(world, 10, 0, 659);
      },
      () => Promise.resolve(60),
    );
    assert.deepEqual(new Set(events.map(({ len }) => len)), new Set([214, 700]));
    assert.equal((await nftCounter(world.a, 'long')) - 10, events.length);
  });

  it('by --uid: the owner of the socket, as nft sees it, also where softirqs carry the packet on', async () => {
    const { events, header } = await traced(
      ['--stages', 'taps,nf-output,drop', '--uid', String(UID), '-c', '1000'],
      async () => {
        await sending(toolPath('udp_flood'), 25, 'setpriv', '--reuid', String(UID), '--clear-groups');
        await sending(toolPath('udp_flood'), 25);
      },
      async () => 2 * (await nftCounter(world.a, 'user')),
    );
    const at = (stage: string) => events.filter((event) => event.stage === stage).length;
    assert.equal(await nftCounter(world.a, 'user'), 25);
    assert.equal(at('tx-tap'), 25);
    const told = header.notes.find((note) => note.startsWith('--uid is not decidable at rx-tap ('));
    assert.match(told ?? '', /its socket has not been looked up yet/);
  });

  it('by --comm, cut as the kernel cuts names, and not what softirqs do meanwhile', async () => {
    const { events } = await traced(
      ['--stages', 'taps', '--comm', 'nobody-else,tt-named-sender'],
      async () => {
        await sending(named(), 30);
        await sending(toolPath('udp_flood'), 30);
      },
      () => Promise.resolve(30),
    );
    assert.deepEqual(new Set(events.map(({ stage }) => stage)), new Set(['tx-tap']));
    assert.deepEqual(
      [events.length, new Set(events.map(({ task }) => task?.comm))],
      [30, new Set(['tt-named-sender'])],
    );
  });

  it('by --pid, followed to where the receiver drops it', async () => {
    let pid = '';
    const script = `read go; exec ${toolPath('udp_flood')} --to ${world.b.ipv4} --size 20 --count 20`;
    const child = world.a.spawn(['sh', '-c', `echo $$; ${script}`], { onStdout: (text) => (pid += text) });
    await child.until(() => pid.includes('\n'), 'process id');
    const { events } = await traced(
      ['--stages', 'taps', '--pid', `1,${pid.trim()}`, '--follow'],
      async () => {
        child.endInput('go\n');
        await child.exited;
        await sending(toolPath('udp_flood'), 30);
      },
      () => Promise.resolve(60),
    );
    const stages = events.map(({ stage }) => stage);
    const count = (id: string) => stages.filter((stage) => stage === id).length;
    assert.deepEqual([count('tx-tap'), count('rx-tap'), count('drop')], [20, 20, 20]);
    assert.equal(new Set(events.map(({ packet }) => packet)).size, 20);
  });

  it('by -Q: the way at a stage that has one, else that of the packet', async () => {
    let counted = { sentByA: 0, ipReceivedByB: 0 };
    const { events } = await traced(
      ['--stages', 'taps,drop', '-Q', 'in'],
      async () => {
        counted = await countsDuring(world, () => flood(world, 40, 0));
      },
      () => Promise.resolve(80),
    );
    const count = (id: string) => events.filter(({ stage }) => stage === id).length;
    assert.deepEqual([count('rx-tap'), count('drop')], [counted.ipReceivedByB, counted.sentByA]);
    assert.equal(count('tx-tap'), 0);
  });

  it('on a device given by its index', async () => {
    const { a } = world;
    const index = (await a.run(['cat', `/sys/class/net/${a.device}/ifindex`])).trim();
    const { exit } = await runTaptrace(['--netns', a.netns.name, '-i', '4242', '--duration', '0.1']);
    assert.equal(exit.code, 2);
    const tracer = await Tracer.start(['--netns', a.netns.name, '--stages', 'tx-tap', '-i', index]);
    await flood(world, 5, 0);
    await tracer.untilLines('"type":"event"', 5);
    const { events } = await tracer.stop();
    assert.deepEqual(new Set(events.map(({ ifname }) => ifname)), new Set([a.device]));
  });
});

describe('where', { skip }, () => {
  it('only at the stages asked for', async () => {
    const { events, header } = await traced(
      ['--stages', 'start-xmit,netif-rx'],
      () => flood(world, 20, 0),
      () => Promise.resolve(40),
    );
    assert.deepEqual(Object.keys(header.plan).sort(), ['netif-rx', 'start-xmit']);
    const count = (id: string) => events.filter(({ stage }) => stage === id).length;
    assert.deepEqual([count('start-xmit'), count('netif-rx')], [20, 20]);
  });

  it('only in the namespace asked for', async () => {
    const { a, b } = world;
    const tracer = await Tracer.start(['--netns', b.netns.name, '--stages', 'taps,drop']);
    const counted = await countsDuring(world, () => flood(world, 20, 0));
    await tracer.untilLines('"stage":"drop"', 20);
    const { events } = await tracer.stop();
    assert.notEqual(a.netns.inode, b.netns.inode);
    assert.deepEqual(new Set(events.map(({ netns }) => netns)), new Set([b.netns.inode]));
    assert.equal(events.filter(({ stage }) => stage === 'rx-tap').length, counted.ipReceivedByB);
  });

  describe('devices to come, in any namespace', () => {
    let other: QuietWorld;
    before(async () => {
      other = await createQuietWorld();
    });
    after(() => other?.close());

    it('match a pattern when they appear, or get such a name', async () => {
      const tracer = await Tracer.start([
        '--netns',
        'all',
        '--stages',
        'tx-tap',
        '-i',
        'late?a',
        '--min-len',
        '60',
      ]);
      const here = await addQuietLink(world, 'l', ['late1a', 'late1b']);
      const there = await addQuietLink(other, 'm', ['late2a', 'late2b']);
      const named = await addQuietLink(other, 'n', ['early3a', 'early3b']);
      await devicesSeen();
      await other.a.run(['ip', 'link', 'set', 'early3a', 'name', 'late3a']);
      await devicesSeen();
      for (const link of [here, there, named, world, other]) await flood(link, 15, 0);
      await tracer.untilLines('"type":"event"', 45);
      await devicesSeen();
      const { events } = await tracer.stop();
      await world.a.run(['ip', 'link', 'del', 'late1a']);
      const [near, far] = [world.a.netns.inode, other.a.netns.inode];
      assert.deepEqual(
        events.map(({ ifname, netns }) => `${ifname} ${netns}`),
        [`late1a ${near}`, `late2a ${far}`, `late3a ${far}`].flatMap((place) =>
          Array<string>(15).fill(place),
        ),
      );
    });
  });
});

describe('--reason', { skip }, () => {
  before(() => loadNft(world.b, DROPS));
  after(() => world.b.run(['nft', 'flush', 'ruleset']));

  it('shows drops of that reason alone, as many as the firewall counted', async () => {
    const { events } = await traced(
      ['--reason', 'netfilter_drop'],
      () => flood(world, 90, 0),
      () => nftCounter(world.b, 'dropped'),
    );
    assert.equal(events.length, 30);
    assert.deepEqual(
      new Set(events.map(({ stage, reason }) => `${stage} ${reason}`)),
      new Set(['drop NETFILTER_DROP']),
    );
  });

  it('refuses a name that this kernel does not have, with those that are near', async () => {
    const { exit, stderr } = await runTaptrace(['--reason', 'NETFILTER_DORP']);
    assert.equal(exit.code, 2);
    assert.match(stderr, /no such drop reason\n.*did you mean NETFILTER_DROP/);
  });
});

describe('--sample', { skip }, () => {
  const FLOWS = 300;
  const ONE_IN = 4;
  const NEAR_PORT = 53;
  const families = {
    IPv4: {
      near: '10.2.0.1',
      far: (flow: number) => `10.1.${flow >> 8}.${flow & 255}`,
      packet: ipv4Udp,
      etherType: ETHERTYPE.ipv4,
    },
    IPv6: {
      near: '2001:db8:2::1',
      far: (flow: number) => `2001:db8:1::${flow.toString(16)}`,
      packet: ipv6Udp,
      etherType: ETHERTYPE.ipv6,
    },
  };

  for (const [family, { near, far, packet, etherType }] of Object.entries(families))
    it(`keeps whole flows of ${family}, in both directions, and about as many as it says`, async () => {
      const { a, b } = world;
      const frames = (way: 'out' | 'back') =>
        Array.from({ length: FLOWS }, (_, flow) => {
          const there = { src: near, dst: far(flow), sport: NEAR_PORT, dport: 20_000 + flow };
          const back = { src: there.dst, dst: near, sport: there.dport, dport: NEAR_PORT };
          const [from, to] = way === 'out' ? [a, b] : [b, a];
          const bytes = packet(way === 'out' ? there : back, new Uint8Array([flow >> 8, flow & 255]));
          return toHex(ethernetFrame({ from: from.mac, to: to.mac }, etherType, bytes));
        });
      const send = (end: typeof a, list: string[]) =>
        end.send([toolPath('send_frames'), end.device], { input: `${list.join('\n')}\n` });
      const args = ['--netns', a.netns.name, '--netns', b.netns.name, '--stages', 'taps'];
      const tracer = await Tracer.start([...args, '--sample', String(ONE_IN), 'udp port 53']);
      for (let round = 0; round < 2; round += 1) {
        await send(a, frames('out'));
        await send(b, frames('back'));
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { events, summary } = await tracer.stop();
      assert.equal(summary.complete, true);
      const kept = new Map<number, number>();
      for (const { sport, dport } of events) {
        const flow = Math.max(sport!, dport!);
        kept.set(flow, (kept.get(flow) ?? 0) + 1);
      }
      assert.deepEqual(new Set(kept.values()), new Set([8]), 'two rounds, two directions, two taps');
      // Binomial: 75 are expected, and five standard deviations are 38.
      assert.ok(kept.size > 37 && kept.size < 113, `${kept.size} flows of ${FLOWS}`);
    });
});
