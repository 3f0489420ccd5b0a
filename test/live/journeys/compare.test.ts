/**
 * compare as its users run it, beside counters that are none of ours: bytes as well as packets, marks and queues, text,
 * Ctrl-C and -c. What packets can meet on their way is in the other tests of this directory.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Compared, comparing, type StageRow } from '../../support/comparing.js';
import { toolPath } from '../../support/host.js';
import { type DeviceCounts, deviceCounts } from '../../support/oracles/devices.js';
import { addRule, ruleCounter } from '../../support/oracles/iptables.js';
import { loadNft } from '../../support/oracles/nft.js';
import { Child } from '../../support/process.js';
import { sendUdp } from '../../support/scenario.js';
import { chainOf, type Topology } from '../../support/topology.js';
import { tracerCommand } from '../../support/tracer.js';
import { cannotRunLive } from '../../support/world.js';

const skip = cannotRunLive(['nft', 'iptables-legacy']) ?? false;

const PORT = { plain: 7001, marked: 7002, accepted: 7003, refused: 7004 };
const QUEUE = { accepted: 7, refused: 8 };

/** What the kernel sends by itself is left out: it may come before compare is there. */
const FILTER = 'udp or icmp';

/** One chain a hook, which counts what the filter matches and keeps nothing. */
const COUNTERS = (hooks: readonly string[]): string =>
  `table inet count {
    ${hooks.map((hook) => `counter ${hook} {}; chain ${hook} { type filter hook ${hook} priority -290; meta l4proto { udp, icmp } counter name ${hook}; };`).join('\n')}
  }`;
const MARKS = `table inet marks { chain pre { type filter hook prerouting priority -280;
  udp dport ${PORT.marked} meta mark set 7; }; }`;

interface CounterObject {
  readonly counter?: { readonly name: string; readonly packets: number; readonly bytes: number };
}

/** What the counters of one host say, by the name of their hook. */
async function counted(topology: Topology, letter: string): Promise<Record<string, [number, number]>> {
  const text = await topology.host(letter).run(['nft', '-j', 'list', 'counters']);
  const { nftables } = JSON.parse(text) as { nftables: readonly CounterObject[] };
  return Object.fromEntries(
    nftables.flatMap(({ counter }) => (counter ? [[counter.name, [counter.packets, counter.bytes]]] : [])),
  );
}

describe('compare beside counters', { skip }, () => {
  let topology: Topology;
  let compared: Compared;

  const row = (letter: string, stage: string, chain?: string): StageRow => {
    const { inode } = topology.host(letter).netns;
    const rows = compared.stages.filter(
      (one) => one.netns === inode && one.stage === stage && one.chain?.chain === chain && !one.chains,
    );
    assert.equal(rows.length, 1, `${letter} ${stage} ${chain ?? ''}: ${JSON.stringify(rows)}`);
    return rows[0]!;
  };

  before(async () => {
    topology = await chainOf('arb');
    const queued = async (name: 'accepted' | 'refused', verdict: string): Promise<void> => {
      const host = topology.host('b');
      const target = [
        '-p',
        'udp',
        '--dport',
        `${PORT[name]}`,
        '-j',
        'NFQUEUE',
        '--queue-num',
        `${QUEUE[name]}`,
      ];
      await addRule(host, 'iptables-legacy', 'filter', 'INPUT', name, target);
      const reader = host.spawn([toolPath('queue_verdicts'), `${QUEUE[name]}`, verdict]);
      await reader.until(() => reader.stdout.includes('ready'), 'bound queue');
    };
    await queued('accepted', 'accept');
    await queued('refused', 'drop');
    await loadNft(topology.host('a'), COUNTERS(['output', 'postrouting']));
    await loadNft(topology.host('r'), COUNTERS(['prerouting', 'forward', 'postrouting']));
    await loadNft(topology.host('b'), COUNTERS(['prerouting', 'input']));
    await loadNft(topology.host('b'), MARKS);
    compared = await comparing(topology.hosts, { filter: FILTER }, async () => {
      const [from, { ipv4, ipv6 }] = [topology.end('ar'), topology.end('br')];
      await sendUdp(from, ipv4, PORT.plain, 20);
      await sendUdp(from, ipv6, PORT.plain, 13);
      await sendUdp(from, ipv4, PORT.marked, 9);
      await sendUdp(from, ipv4, PORT.accepted, 8);
      await sendUdp(from, ipv4, PORT.refused, 6);
      await from.send(['ping', '-q', '-c', '3', '-i', '0.01', '-s', '700', ipv4]);
    });
  });
  after(() => topology?.close());

  it('loses nothing', () => assert.match(compared.stderr, /complete: nothing was lost/));

  it('counts packets and bytes of every chain as nft does', async () => {
    for (const letter of ['a', 'r', 'b'])
      for (const [hook, counts] of Object.entries(await counted(topology, letter))) {
        const { packets, bytes } = row(letter, `nf-${hook}`, hook);
        assert.deepEqual([packets, bytes], counts, `${hook} of ${letter}`);
      }
  });

  it('tells which chain set a mark', () => {
    assert.equal(row('b', 'nf-prerouting', 'pre').marked, 9);
    assert.equal(row('b', 'nf-prerouting', 'pre').rewritten, 0);
  });

  it('proves a queue by the way back, and drops by its verdict', async () => {
    const host = topology.host('b');
    const input = row('b', 'nf-input', 'INPUT');
    const [accepted, refused] = await Promise.all(
      ['accepted', 'refused'].map((name) => ruleCounter(host, 'iptables-legacy', 'filter', name)),
    );
    assert.deepEqual([input.queued, input.dropped], [accepted, refused]);
    assert.deepEqual([accepted, refused], [8, 6]);
    const said = compared.findings.map(({ text }) => text).join('\n');
    assert.match(said, /^8 packets were queued to user space at .*ip filter\/INPUT .* came back after /m);
    assert.match(said, /^6 of \d+ packets .* dropped at .*ip filter\/INPUT \(nf-input, priority 0\)/m);
  });
});

describe('compare beside devices', { skip }, () => {
  let topology: Topology;
  before(async () => {
    topology = await chainOf('ab');
    // Devices count all there is, and IPv6 would speak by itself.
    for (const host of topology.hosts) await host.sysctl({ 'net.ipv6.conf.all.disable_ipv6': 1 });
  });
  after(() => topology?.close());

  const directions = ['rx', 'tx'] as const;
  async function countsOf(): Promise<Map<string, DeviceCounts>> {
    const counts = new Map<string, DeviceCounts>();
    for (const end of topology.ends)
      for (const direction of directions)
        counts.set(`${direction}-tap ${end.device}`, await deviceCounts(end, direction));
    return counts;
  }

  it('counts packets and bytes of every tap as ip -s link does', async () => {
    const start = await countsOf();
    const { stages } = await comparing(topology.hosts, {}, async () => {
      const [from, { ipv4 }] = [topology.end('ab'), topology.end('ba')];
      await sendUdp(from, ipv4, PORT.plain, 20);
      await from.send(['ping', '-q', '-c', '3', '-i', '0.01', '-s', '3000', ipv4]);
    });
    for (const [tap, { packets, bytes }] of await countsOf()) {
      const [stage, device] = tap.split(' ');
      const row = stages.find((one) => one.stage === stage && one.device?.startsWith(`${device}@`));
      const before = start.get(tap)!;
      assert.ok(packets - before.packets >= 9, tap);
      assert.deepEqual([row?.packets, row?.bytes], [packets - before.packets, bytes - before.bytes], tap);
    }
  });
});

describe('compare on the command line', { skip }, () => {
  let topology: Topology;
  before(async () => {
    topology = await chainOf('ab');
    const rules = `table inet filter { chain in { type filter hook input priority 0; udp dport ${PORT.plain} drop; }; }`;
    await loadNft(topology.host('b'), rules);
  });
  after(() => topology?.close());

  async function running(args: readonly string[]): Promise<Child> {
    const { netns } = topology.host('b');
    const child = new Child([...tracerCommand(), 'compare', '--netns', netns.name, ...args]);
    await child.until(() => child.stderr.includes('watching'), 'line that says what is watched');
    return child;
  }

  it('ends in good order on Ctrl-C: a table, then sentences', async () => {
    const child = await running(['udp']);
    await sendUdp(topology.end('ab'), topology.end('ba').ipv4, PORT.plain, 12);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(await child.stop('SIGINT'), { code: 0, signal: null }, child.stderr);
    const lines = child.stdout.split('\n');
    assert.match(lines[0]!, /^ +packets +bytes +dropped +after tap +99 %$/);
    assert.ok(
      lines.some((line) => /^ +inet filter\/in 0 +12 +\d+ +12 /.test(line)),
      child.stdout,
    );
    assert.match(
      child.stdout,
      /^- 12 of 12 packets that tcpdump would show on ba were dropped at inet filter\/in \(nf-input, priority 0\), [\d.]+ [nµm]s after the tap\.$/m,
    );
    assert.doesNotMatch(child.stderr, /\r/);
  });

  it('ends by itself after as many packets as were asked for', async () => {
    const child = await running(['--json', '-c', '5', 'udp']);
    await sendUdp(topology.end('ab'), topology.end('ba').ipv4, PORT.plain, 12);
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    const lines = child.stdout.trim().split('\n');
    assert.equal(lines.length, 1);
    const { type, packets } = JSON.parse(lines[0]!) as { type: string; packets: number };
    assert.deepEqual({ type, packets }, { type: 'comparison', packets: 5 });
  });
});

describe('compare in the middle of traffic', { skip }, () => {
  let topology: Topology;
  before(async () => {
    topology = await chainOf('ab');
    await loadNft(topology.host('b'), COUNTERS(['prerouting', 'input']));
  });
  after(() => topology?.close());

  it('counts packets that it saw whole: as many at every place', async () => {
    const [from, { ipv4 }] = [topology.end('ab'), topology.end('ba')];
    const flow = ['--to', ipv4, '--port', `${PORT.plain}`, '--rate', '1000', '--count', '60000'];
    const flood = from.spawn([toolPath('udp_flood'), ...flow]);
    const netns = topology.hosts.flatMap((host) => ['--netns', host.netns.name]);
    const child = new Child([...tracerCommand(), 'compare', '--json', ...netns, '--duration', '0.5', 'udp']);
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.stderr);
    await flood.stop('SIGTERM');
    const { stages, findings, complete } = JSON.parse(child.stdout) as Compared & { complete: boolean };
    assert.equal(complete, true, child.stderr);
    const places = stages.filter(({ stage }) => stage !== 'consume');
    const told = JSON.stringify({ places, findings });
    assert.deepEqual(
      places.map(({ stage, chain }) => chain?.chain ?? stage),
      [
        ...['nf-output', 'nf-postrouting', 'tx-tap', 'rx-tap'],
        ...['nf-prerouting', 'prerouting', 'nf-input', 'input', 'drop'],
      ],
      told,
    );
    assert.ok(places[0]!.packets > 200, told);
    assert.equal(new Set(places.map(({ packets }) => packets)).size, 1, told);
    assert.deepEqual([...new Set(findings.map(({ kind }) => kind))], ['dropped', 'unarmed'], told);
  });
});
