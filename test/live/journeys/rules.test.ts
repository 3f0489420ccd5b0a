/**
 * Rules that the user has nft trace: path shows at each hook those that nft itself says a packet met there, and compare
 * names the one that dropped it. a sends through the router r to b.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { toBytes } from '../../support/bytes.js';
import { type Compared, comparing } from '../../support/comparing.js';
import { type Followed, following, type JourneyEvent, type JourneyLine } from '../../support/following.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp } from '../../support/frames.js';
import { loadNft } from '../../support/oracles/nft.js';
import { NftMonitor, packetKey, type TracedPacket } from '../../support/oracles/nft-monitor.js';
import { run } from '../../support/process.js';
import { sendUdp } from '../../support/scenario.js';
import { faultsOf } from '../../support/schema.js';
import { chainOf, type Topology } from '../../support/topology.js';
import { tracerCommand } from '../../support/tracer.js';

const FILTER = 'portrange 7001-7099 or icmp or icmp6';
const UNTRACED = 7050;
const ALIKE = 7020;
const HALF_TRACED = 7021;

const ROUTER = `table inet guard {
  chain verdicts {
    udp dport 7003 accept
  }
  chain judge {
    udp dport 7001 drop
    udp dport 7002 return
    udp dport 7003 goto verdicts
  }
  chain start {
    type filter hook prerouting priority -300; policy accept;
    meta l4proto { tcp, udp } th dport 7001-7020 meta nftrace set 1
    udp dport ${HALF_TRACED} numgen inc mod 2 0 meta nftrace set 1
    icmp type echo-request meta nftrace set 1
    icmpv6 type echo-request meta nftrace set 1
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    meta l4proto udp jump judge
    udp dport 7004 drop comment "no; really # handle 3"
    tcp dport 7005 reject with tcp reset
    icmpv6 type echo-request ip6 hoplimit { 1, 63 } drop
  }
  chain later {
    type filter hook forward priority 10; policy drop;
    udp dport { 7002, 7003 } accept
    meta l4proto icmp accept
  }
}`;
/** Only a chain that it calls traces: the base chain is not named where that one decides. */
const RECEIVER = `table ip local {
  chain tracing {
    udp dport 7003 meta nftrace set 1
    udp dport 7003 drop
  }
  chain in {
    type filter hook input priority 0; policy accept;
    jump tracing
  }
}`;

interface RuleHit {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle?: number;
  readonly verdict: string;
  readonly text?: string;
}
type HookEvent = JourneyEvent & { readonly rules?: readonly RuleHit[] };

const ruleText = ({ family, table, chain, handle, text, verdict }: RuleHit): string =>
  `${family} ${table}/${chain}: ${handle === undefined ? 'policy' : text}: ${verdict}`;

/** What packetKey() tells packets apart by, from the bytes at a hook. */
function keyOf({ data = '', linkType, sport, dport }: HookEvent): string {
  const bytes = toBytes(data).subarray(linkType === 'ethernet' ? 14 : 0);
  const u16 = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  if (bytes[0]! >> 4 === 4) return packetKey(new Map([['ip id', u16(4)]]));
  const ports =
    sport === undefined || dport === undefined
      ? []
      : ([
          ['sport', sport],
          ['dport', dport],
        ] as const);
  return packetKey(new Map<string, number>([['ip6 length', u16(4)], ...ports]));
}

/** What path says of the packets that met rules in a namespace, as nft's monitor would have it. */
function traced(journeys: readonly JourneyLine[], netns: number): TracedPacket[] {
  return journeys.flatMap(({ events }) => {
    const hits = events.filter((event: HookEvent) => event.netns === netns && event.rules) as HookEvent[];
    if (hits.length === 0) return [];
    return [{ key: keyOf(hits[0]!), rules: hits.flatMap(({ rules = [] }) => rules.map(ruleText)) }];
  });
}

const inOrder = (packets: readonly TracedPacket[]): TracedPacket[] =>
  [...packets].sort((a, b) => a.key.localeCompare(b.key));

async function send(topology: Topology): Promise<void> {
  const from = topology.end('ar');
  const { ipv4, ipv6 } = topology.end('br');
  for (const port of [7001, 7002, 7003, 7004, 7007, UNTRACED]) await sendUdp(from, ipv4, port, 3);
  for (const port of [7001, 7002, 7003, 7004, 7007]) await sendUdp(from, ipv6, port, 1);
  for (const address of [ipv4, ipv6])
    for (const port of [7005, 7006])
      await from
        .send(['timeout', '0.3', 'bash', '-c', `: > /dev/tcp/${address}/${port}`])
        .catch(() => undefined);
  for (const address of [ipv4, ipv6])
    for (const bytes of ['40', '41'])
      await from.send(['ping', '-c', '1', '-s', bytes, '-W', '0.3', address]).catch(() => undefined);
}

const oneFrame = (topology: Topology, dport: number, count: number): Promise<void> => {
  const [from, to] = [topology.end('ar'), topology.end('br')];
  const packet = ipv4Udp({ src: from.ipv4, dst: to.ipv4, sport: 7099, dport }, toBytes('00112233'));
  const frame = ethernetFrame({ from: from.mac, to: topology.end('ra').mac }, ETHERTYPE.ipv4, packet);
  return from.sendFrames(new Array<Uint8Array>(count).fill(frame));
};

describe('rules that nft traces', () => {
  let topology: Topology;
  let followed: Followed;
  let replayed: JourneyLine[];
  let told: { r: TracedPacket[]; b: TracedPacket[] };
  let comparedTold: TracedPacket[];
  let compared: Compared;
  let alike: Followed;

  before(async () => {
    topology = await chainOf('arb');
    const { hosts, dir } = topology;
    const [r, b] = [topology.host('r'), topology.host('b')];
    await loadNft(r, ROUTER);
    await loadNft(b, RECEIVER);
    const file = `${dir}/rules.taptrace`;
    const monitors = [await NftMonitor.start(r), await NftMonitor.start(b)] as const;
    followed = await following(hosts, { filter: FILTER, args: ['-w', file, '--print'] }, () =>
      send(topology),
    );
    told = { r: await monitors[0].stop(), b: await monitors[1].stop() };
    const lines = await run([...tracerCommand(), 'read', '--view', 'path', '--json', file]);
    replayed = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JourneyLine)
      .filter(({ type }) => type === 'journey');
    const monitor = await NftMonitor.start(r);
    compared = await comparing(hosts, { filter: FILTER }, () => send(topology));
    comparedTold = await monitor.stop();
    alike = await following(hosts, { filter: `udp port ${ALIKE} or udp port ${HALF_TRACED}` }, async () => {
      await oneFrame(topology, ALIKE, 10);
      await oneFrame(topology, HALF_TRACED, 10);
    });
  });
  after(() => topology?.close());

  const netns = (host: string): number => topology.host(host).netns.inode;
  const counted = (verdict: string, packets: readonly TracedPacket[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const { rules } of packets)
      for (const rule of rules.filter((text) => text.endsWith(`: ${verdict}`)))
        counts.set(rule, (counts.get(rule) ?? 0) + 1);
    return counts;
  };

  it('are at the hooks of the router what nft itself says, packet by packet', () => {
    assert.ok(told.r.length >= 26, `nft traced ${told.r.length} packets`);
    assert.deepEqual(inOrder(traced(followed.journeys, netns('r'))), inOrder(told.r));
  });

  it('are found where only a chain that the base chain calls traces', () => {
    assert.equal(told.b.length, 3);
    assert.deepEqual(inOrder(traced(followed.journeys, netns('b'))), inOrder(told.b));
  });

  it('stand at the hook of their base chain', () => {
    for (const { events } of followed.journeys)
      for (const { rules = [], stage, netns: inum } of events as readonly HookEvent[])
        for (const { table, chain } of rules) {
          const hooks =
            table === 'local' ? ['nf-input'] : chain === 'start' ? ['nf-prerouting'] : ['nf-forward'];
          assert.ok(hooks.includes(stage), `${table}/${chain} at ${stage}`);
          assert.equal(inum, netns(table === 'local' ? 'b' : 'r'));
        }
  });

  it('are not shown of packets that are not traced', () => {
    const untraced = followed.journeys.filter(({ events }) => events[0]?.dport === UNTRACED);
    assert.equal(untraced.length, 3);
    for (const { events } of untraced)
      assert.ok(events.every((event) => (event as HookEvent).rules === undefined));
  });

  it('are in lines of the schema', () => {
    const { exit: _, stderr: __, ...comparison } = compared;
    for (const line of [...followed.journeys, followed.summary, comparison])
      assert.deepEqual(faultsOf(line), []);
  });

  it('are the same in the recording', () => assert.deepEqual(replayed, followed.journeys));

  it('are named by compare where they dropped, each with its number', () => {
    const rules = compared.findings.flatMap((finding) => {
      const { rule } = finding as { rule?: RuleHit };
      return rule ? [{ rule, packets: finding.packets, text: finding.text }] : [];
    });
    const sums = new Map<string, number>();
    for (const { rule, packets, text } of rules) {
      sums.set(ruleText(rule), (sums.get(ruleText(rule)) ?? 0) + packets);
      const by = rule.handle === undefined ? 'by its policy' : `by rule handle ${rule.handle}`;
      assert.ok(text.includes(by), text);
    }
    const dropped = counted('drop', comparedTold);
    assert.ok(dropped.size >= 4, `${dropped.size} rules dropped`);
    for (const [rule, packets] of dropped) assert.equal(sums.get(rule), packets, rule);
  });

  it('are counted by compare where they decided', () => {
    const sums = new Map<string, number>();
    for (const { rules = [], netns: inum } of compared.stages as readonly (Compared['stages'][number] & {
      rules?: readonly (RuleHit & { packets: number })[];
    })[])
      if (inum === netns('r'))
        for (const rule of rules) sums.set(ruleText(rule), (sums.get(ruleText(rule)) ?? 0) + rule.packets);
    const decided = new Map([...counted('drop', comparedTold), ...counted('accept', comparedTold)]);
    assert.deepEqual(sums, decided);
  });

  const withRules = (dport: number): number =>
    alike.journeys.filter(
      ({ events }) => events[0]?.dport === dport && events.some((event) => (event as HookEvent).rules),
    ).length;

  it('are shown of packets that are alike and met the same rules', () => assert.equal(withRules(ALIKE), 10));

  it('are left out, and counted, where it is not known which of them met them', () => {
    const { nftTraces } = alike.summary as unknown as { nftTraces: { lost: number; ambiguous: number } };
    assert.ok(withRules(HALF_TRACED) <= 5);
    assert.ok(nftTraces.ambiguous > 0);
    assert.equal(nftTraces.lost, 0);
  });
});
