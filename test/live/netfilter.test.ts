/**
 * Links between the base chains of a hook: the last one a packet passed names the chain that dropped it. nft's own
 * counters are the independent count, and the ruleset is the same text before, while and after we watch.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { CapabilityName } from '../support/capabilities.js';
import { linesSaid, runTaptrace, runToEnd } from '../support/cli.js';
import { each, firstPriority, lastPriority, passedBy, stoppedAt } from '../support/hooks.js';
import { addNetns, nextNetnsNames } from '../support/netns.js';
import { Nobody } from '../support/nobody.js';
import { run } from '../support/process.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { type TraceResult, Tracer } from '../support/tracer.js';
import { cannotRunLive, createWorld, type End, type World } from '../support/world.js';

const skip = cannotRunLive(['nft', 'bpftool', 'bash']) ?? false;

let world: World;
let residue: Residue;
const netnsNames = () => [world.a.netns.name, world.b.netns.name];

before(async () => {
  if (skip) return;
  world = await createWorld();
  residue = bpfResidue(netnsNames());
});
after(() => world?.close());
afterEach(async () => {
  if (skip) return;
  await world.b.run(['nft', 'flush', 'ruleset']);
  assert.deepEqual(await residueSince(residue, netnsNames()), [], 'left in the kernel');
});

/** Sends UDP datagrams, each from a port of its own. */
async function sendTo(from: End, address: string, port: number, count: number): Promise<void> {
  await from.send(['bash', '-c', `for i in $(seq ${count}); do echo $i > /dev/udp/${address}/${port}; done`]);
}

/** A ruleset for b; nft wants the end of a chain and that of its table on two lines. */
const load = (text: string): Promise<string> =>
  world.b.run(['nft', '-f', '-'], { input: `${text.replaceAll('; } }', '; }\n}')}\n` });
/** Without what counters say. */
const ruleset = (): Promise<string> => world.b.run(['nft', '-s', 'list', 'ruleset']);

/** Packets by the name of nft's counter. */
async function counters(): Promise<Map<string, number>> {
  const listed = JSON.parse(await world.b.run(['nft', '-j', 'list', 'counters'])) as {
    nftables: { counter?: { name: string; packets: number } }[];
  };
  return new Map(
    listed.nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets] as const] : [])),
  );
}

/** Starts a trace of b's hooks: UDP to the ports that tests use. */
function watch(stages: string, ...args: string[]): Promise<Tracer> {
  const options = ['--netns', world.b.netns.name, '--stages', stages, ...args];
  return Tracer.start([...options, 'udp dst portrange 1000-9999']);
}

function assertComplete({ exit, summary, stderr }: TraceResult): void {
  assert.deepEqual(exit, { code: 0, signal: null }, stderr);
  assert.equal(summary.complete, true, stderr);
}

/** By links or not at all: other mechanisms may watch the stage too. */
const byLinks = ['--stages', 'nf-input', '--mechanism', 'nf-input=netfilter'];

const twoChains = `table inet filter {
  counter in { }
  counter late { }
  counter passed { }
  chain in {
    type filter hook input priority filter; policy accept
    udp dport 1000 counter name in drop
  }
  chain late {
    type filter hook input priority security; policy accept
    udp dport 2000 counter name late drop
    udp dport 3000 counter name passed
  }
}`;

describe('two base chains in one hook', { skip }, () => {
  for (const [family, address] of [
    ['IPv4', '192.0.2.2'],
    ['IPv6', '2001:db8::2'],
  ] as const)
    it(`a packet passes exactly the links before the chain that drops it: ${family}`, async () => {
      await load(twoChains);
      const rules = await ruleset();
      const tracer = await watch('nf-input');
      const during = await ruleset();
      await sendTo(world.a, address, 1000, 7);
      await sendTo(world.a, address, 2000, 5);
      await sendTo(world.a, address, 3000, 3);
      await tracer.untilLines(`"priority":${lastPriority}`, 3);
      const result = await tracer.stop();
      assertComplete(result);
      assert.deepEqual(passedBy(result.events, 'nf-input', 1000), each(7, [firstPriority, -1]));
      assert.deepEqual(passedBy(result.events, 'nf-input', 2000), each(5, [firstPriority, -1, 1, 49]));
      assert.deepEqual(
        passedBy(result.events, 'nf-input', 3000),
        each(3, [firstPriority, -1, 1, 49, 51, lastPriority]),
      );
      const counted = await counters();
      assert.deepEqual(stoppedAt(result.events, 'nf-input'), {
        'inet filter/in 0': counted.get('in'),
        'inet filter/late 50': counted.get('late'),
        passed: counted.get('passed'),
      });
      assert.deepEqual([...counted.values()], [7, 5, 3]);
      assert.deepEqual([during, await ruleset()], [rules, rules]);
      const device = new Set(result.events.map(({ ifname, observed }) => `${ifname} ${observed}`));
      assert.deepEqual([...device], [`${world.b.device} false`]);
    });

  it('is told in the header: chains by hook, read before our links, and hooks without any', async () => {
    await load(twoChains);
    const tracer = await watch('netfilter');
    const { header, stderr } = await tracer.stop();
    assert.deepEqual(
      header.hooks!.map(({ netns, chains }) => [netns, chains.map(({ chain }) => chain)]),
      [[world.b.netns.inode, ['in', 'late']]],
    );
    const line = `netfilter in ${world.b.netns.name}: input: inet filter/in (0), inet filter/late (50); no chain at prerouting, forward, output, postrouting`;
    assert.ok(linesSaid({ stderr }).includes(line), stderr);
  });
});

describe('chains without room between them', { skip }, () => {
  it('are named together', async () => {
    await load(`table ip filter {
      counter dropped { }
      chain one { type filter hook input priority 0; policy accept; udp dport 1000 counter name dropped drop; }
      chain two { type filter hook input priority 1; policy accept; udp dport 2000 counter name dropped drop; }
    }`);
    const tracer = await watch('nf-input');
    await sendTo(world.a, world.b.ipv4, 1000, 2);
    await sendTo(world.a, world.b.ipv4, 2000, 2);
    await tracer.untilLines('"priority":-1', 4);
    const result = await tracer.stop();
    assertComplete(result);
    assert.deepEqual(stoppedAt(result.events, 'nf-input'), {
      'ip filter/one 0, ip filter/two 1': (await counters()).get('dropped'),
    });
  });

  it('a hook that no list of chains has is gone round: connection tracking at -200', async () => {
    await load(`table ip raw {
      counter seen { }
      chain track { type filter hook prerouting priority -199; policy accept; ct state invalid drop; }
      chain next { type filter hook prerouting priority -190; policy accept; udp dport 1000 counter name seen drop; }
    }`);
    const tracer = await watch('nf-prerouting');
    await sendTo(world.a, world.b.ipv4, 1000, 3);
    await tracer.untilLines('"priority":-191', 3);
    const result = await tracer.stop();
    assertComplete(result);
    // -200 itself is refused with EBUSY.
    assert.deepEqual(
      passedBy(result.events, 'nf-prerouting', 1000),
      each(3, [firstPriority, -201, -198, -191]),
    );
    assert.deepEqual(stoppedAt(result.events, 'nf-prerouting'), {
      'ip raw/next -190': (await counters()).get('seen'),
    });
  });

  it('a second trace beside the first finds other priorities, and both name the chain', async () => {
    await load(twoChains);
    const tracers = [await watch('nf-input'), await watch('nf-input')];
    await sendTo(world.a, world.b.ipv4, 2000, 4);
    for (const tracer of tracers) await tracer.untilLines('"dport":2000', 16);
    const results = [await tracers[0]!.stop(), await tracers[1]!.stop()];
    for (const result of results) {
      assertComplete(result);
      assert.deepEqual(stoppedAt(result.events, 'nf-input'), {
        'inet filter/late 50': (await counters()).get('late'),
      });
    }
    assert.deepEqual(passedBy(results[1]!.events, 'nf-input', 2000), each(4, [firstPriority + 1, -2, 2, 48]));
  });
});

describe('what rewrites', { skip }, () => {
  it('chains of type nat are bracketed where the kernel runs them, and the packet shows it', async () => {
    await load(`table ip nat {
      chain pre { type nat hook prerouting priority -90; policy accept; udp dport 1000 redirect to :3000; }
    }
    table ip raw { chain early { type filter hook prerouting priority -95; policy accept; } }`);
    const tracer = await watch('nf-prerouting,nf-input');
    await sendTo(world.a, world.b.ipv4, 1000, 2);
    await tracer.untilLines('"stage":"nf-input"', 4);
    const result = await tracer.stop();
    assertComplete(result);
    assert.deepEqual(passedBy(result.events, 'nf-prerouting', 1000), each(2, [firstPriority, -101]));
    assert.deepEqual(passedBy(result.events, 'nf-prerouting', 3000), each(2, [-99, -96, -94, lastPriority]));
    const behind = result.events.find(({ hook }) => hook!.priority === -99);
    assert.deepEqual(
      behind!.hook!.passed.map(({ chain }) => chain),
      ['pre'],
    );
  });
});

describe('forwarded packets', { skip }, () => {
  it('have both devices', async () => {
    const ip = ['ip', '-n', world.b.netns.name];
    await run([...ip, 'link', 'add', 'f0', 'type', 'veth', 'peer', 'name', 'f1']);
    await run([...ip, 'addr', 'add', '198.51.100.1/24', 'dev', 'f0']);
    for (const device of ['f0', 'f1']) await run([...ip, 'link', 'set', device, 'up']);
    await run([...ip, 'neigh', 'add', '198.51.100.2', 'lladdr', '02:00:00:00:00:99', 'dev', 'f0']);
    await world.b.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    await run(['ip', '-n', world.a.netns.name, 'route', 'add', '198.51.100.0/24', 'via', world.b.ipv4]);
    await load('table ip f { chain fwd_ { type filter hook forward priority 0; policy accept; } }');
    const tracer = await watch('netfilter', '-i', 'f0');
    await sendTo(world.a, '198.51.100.2', 4000, 3);
    await tracer.untilLines('"stage":"nf-postrouting"', 6);
    const result = await tracer.stop();
    assertComplete(result);
    assert.deepEqual(
      passedBy(result.events, 'nf-forward', 4000),
      each(3, [firstPriority, -1, 1, lastPriority]),
    );
    const f0 = JSON.parse(await run([...ip, '-j', 'link', 'show', 'f0'])) as { ifindex: number }[];
    for (const { stage, ifname, ifindexOut } of result.events) {
      if (stage === 'nf-forward') assert.deepEqual([ifname, ifindexOut], [world.b.device, f0[0]!.ifindex]);
      else assert.deepEqual([stage, ifname, ifindexOut], ['nf-postrouting', 'f0', undefined]);
    }
    await run([...ip, 'link', 'del', 'f0']);
  });
});

describe('a ruleset that changes', { skip }, () => {
  it('is bracketed anew with the rights that are left, and the gap is marked in the stream', async () => {
    await load('table inet t { chain old { type filter hook input priority 0; policy accept; } }');
    const tracer = await watch('nf-input');
    await sendTo(world.a, world.b.ipv4, 3000, 1);
    await tracer.untilLines(`"priority":${lastPriority}`, 1);
    await load(`table inet t { counter new { }
      chain new { type filter hook input priority 1; policy accept; udp dport 4000 counter name new drop; } }`);
    await tracer.untilLines('"type":"gap"', 1);
    await load('table inet t { chain far { type filter hook input priority 30; policy accept; } }');
    await tracer.untilLines('"type":"gap"', 2);
    await sendTo(world.a, world.b.ipv4, 4000, 2);
    await sendTo(world.a, world.b.ipv4, 5000, 2);
    await tracer.untilLines(`"dport":5000`, 10);
    const result = await tracer.stop();
    assertComplete(result);
    assert.match(result.stderr, /capabilities kept: .*CAP_NET_ADMIN \(to follow rulesets that change\)/);
    assert.deepEqual(passedBy(result.events, 'nf-input', 3000), [[firstPriority, -1, 1, lastPriority]]);
    // The chain that joined our link's priority has it now; our link moved behind it.
    assert.deepEqual(passedBy(result.events, 'nf-input', 4000), each(2, [firstPriority, -1]));
    assert.deepEqual(
      passedBy(result.events, 'nf-input', 5000),
      each(2, [firstPriority, -1, 2, 29, 31, lastPriority]),
    );
    const dropped = result.events.filter(({ dport }) => dport === 4000);
    assert.deepEqual(stoppedAt(dropped, 'nf-input'), {
      'inet t/old 0, inet t/new 1': (await counters()).get('new'),
    });
    for (const { netns, fromTsNs, tsNs } of result.gaps) {
      assert.equal(netns, world.b.netns.inode);
      const milliseconds = Number(BigInt(tsNs) - BigInt(fromTsNs)) / 1e6;
      assert.ok(milliseconds > 0 && milliseconds < 5000, `${milliseconds} ms`);
    }
  });

  it('rules that change without their chains are no gap', async () => {
    await load(twoChains);
    const tracer = await watch('nf-input');
    await world.b.run(['nft', 'add', 'rule', 'inet', 'filter', 'in', 'udp', 'dport', '7000', 'drop']);
    await sendTo(world.a, world.b.ipv4, 3000, 1);
    await tracer.untilLines(`"priority":${lastPriority}`, 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.deepEqual((await tracer.stop()).gaps, []);
  });
});

describe('namespaces', { skip }, () => {
  it('one that goes is let go of, and its links with it', async () => {
    const [name] = nextNetnsNames();
    const extra = await addNetns(name);
    await run([
      'ip',
      '-n',
      world.a.netns.name,
      'link',
      'add',
      'gone0',
      'type',
      'veth',
      'peer',
      'gone1',
      'netns',
      name,
    ]);
    const tracer = await Tracer.start([
      '--netns',
      world.b.netns.name,
      '--netns',
      name,
      '--stages',
      'nf-input',
    ]);
    extra.remove();
    // The pair's end in the namespace goes when nothing holds the namespace any more, and takes the other end with it.
    const devices = () => run(['ip', '-n', world.a.netns.name, '-br', 'link', 'show']);
    const deadline = Date.now() + 10_000;
    while ((await devices()).includes('gone0')) {
      assert.ok(Date.now() < deadline, 'the namespace is still held');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertComplete(await tracer.stop());
  });
});

describe('few rights', { skip: skip || (Nobody.cannotRun() ?? false) }, () => {
  const runIn = (has: readonly CapabilityName[]) => {
    const nobody = new Nobody();
    const command = nobody.taptrace(has, [...byLinks, '--duration', '0.5']);
    return runToEnd(['ip', 'netns', 'exec', world.b.netns.name, ...command]).finally(() => nobody.close());
  };

  it('CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are enough; what they do not let us look at is told', async () => {
    await load(twoChains);
    const said = await runIn(['bpf', 'perfmon', 'net_admin']);
    assert.equal(said.exit.code, 0, said.stderr);
    assert.match(said.stderr, /input: inet filter\/in \(0\), inet filter\/late \(50\)/);
    assert.match(said.stderr, /whether iptables-legacy has chains is not known: needs CAP_DAC_READ_SEARCH/);
    assert.match(said.stderr, /capabilities kept: CAP_NET_ADMIN .*CAP_BPF .*CAP_PERFMON/);
  });

  it('without CAP_NET_ADMIN there are no links, and that is said', async () => {
    const said = await runIn(['bpf', 'perfmon']);
    assert.equal(said.exit.code, 3, said.stderr);
    assert.match(said.stderr, /needs CAP_NET_ADMIN/);
  });
});

describe('--observe', { skip }, () => {
  it('leaves links out and says why', async () => {
    const said = await runTaptrace(['--observe', ...byLinks]);
    assert.equal(said.exit.code, 3, said.stderr);
    assert.match(said.stderr, /a netfilter link of ours would be a probe \(--observe\)/);
  });
});

describe('iptables', { skip: skip || (cannotRunLive(['iptables-legacy', 'iptables-nft']) ?? false) }, () => {
  /** Packets that the rules of a chain have dropped. */
  async function droppedBy(program: string, table: string, chain: string): Promise<number> {
    const text = await world.b.run([program, '-t', table, '-nvxL', chain]);
    const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
    return rows.reduce((sum, row) => (row[2] === 'DROP' ? sum + Number(row[0]) : sum), 0);
  }
  const rule = ['-p', 'udp', '--dport', '1000', '-j', 'DROP'];
  afterEach(async () => {
    for (const table of ['mangle', 'filter']) await world.b.run(['iptables-legacy', '-t', table, '-F']);
  });

  it('legacy: two tables in one hook, the one that drops is named', async () => {
    const iptables = ['iptables-legacy', '-w'];
    await world.b.run([...iptables, '-t', 'mangle', '-A', 'INPUT', ...rule]);
    await world.b.run([...iptables, '-A', 'INPUT', ...rule.with(3, '2000')]);
    const tracer = await watch('nf-input');
    await sendTo(world.a, world.b.ipv4, 1000, 3);
    await sendTo(world.a, world.b.ipv4, 2000, 2);
    await tracer.untilLines('"dport":2000', 8);
    const result = await tracer.stop();
    assertComplete(result);
    assert.deepEqual(stoppedAt(result.events, 'nf-input'), {
      'ip mangle/INPUT -150': await droppedBy('iptables-legacy', 'mangle', 'INPUT'),
      'ip filter/INPUT 0': await droppedBy('iptables-legacy', 'filter', 'INPUT'),
    });
    const owners = result.events.flatMap(({ hook }) => hook!.ahead.map(({ owner }) => owner));
    assert.deepEqual([...new Set(owners)], ['iptables-legacy']);
  });

  it('by nf_tables: its chains are said to be of iptables-nft', async () => {
    await world.b.run(['iptables-nft', '-t', 'security', '-A', 'INPUT', ...rule]);
    const tracer = await watch('nf-input');
    await sendTo(world.a, world.b.ipv4, 1000, 3);
    await tracer.untilLines('"priority":149', 3);
    const result = await tracer.stop();
    assertComplete(result);
    assert.deepEqual(
      stoppedAt(result.events, 'nf-input')['ip security/INPUT 150'],
      await droppedBy('iptables-nft', 'security', 'INPUT'),
    );
    const chains = result.events.flatMap(({ hook }) => hook!.ahead);
    assert.equal(chains.find(({ table }) => table === 'security')!.owner, 'iptables-nft');
  });
});
