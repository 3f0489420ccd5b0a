/**
 * Filters at every stage that asks one, over real packets: what each lets through is what libpcap says of the bytes that
 * an unfiltered session saw at the same stage, page fragments and all.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { probeFeatures } from '../../src/attach/features.js';
import { type OpenedSession, openSession, type TapSession } from '../../src/attach/session.js';
import { decodePacket, emptyPacket } from '../../src/decode/packet.js';
import { Batch, RecordView } from '../../src/decode/record.js';
import { filterAddon } from '../../src/filter/filter.js';
import type { KernelFilter } from '../../src/filter/translate.js';
import { nativeBinding } from '../../src/native/binding.js';
import { inetHooks, linkFamilies, nfproto } from '../../src/netfilter/hooks.js';
import { expandStages, stageByNumber } from '../../src/stages/lookup.js';
import { possibleCpus } from '../../src/system/kernel.js';
import { chosenFor, filterByDscp, numberPackets } from '../support/filters/chosen.js';
import { createRouterWorld, type RouterWorld } from '../support/router.js';
import { iperf, ping, udp, withUdpSink } from '../support/traffic.js';
import { cannotRunLive, type End } from '../support/world.js';

const skip = cannotRunLive(['iperf3', 'nft', 'tc', 'ethtool']) ?? false;
const DLT_EN10MB = 1;
const DLT_RAW = 12;
/** More than any of the expressions reads. */
const SNAPLEN = 2048;
const RING_BYTES = 64 << 20;
/** Behind the chain that numbers packets; one for each session. */
const priorities = { unfiltered: 1000, filtered: 1001 } as const;
/** All that are asked here without kprobes and fentry, but xmit-done, which has no bytes. */
const STAGES = [
  ...['gro', 'netif-rx', 'rx-tap', 'tc-ingress', 'nf-prerouting', 'nf-input', 'nf-forward', 'l4-rcv'],
  ...['nf-output', 'nf-postrouting', 'tc-egress', 'dev-queue', 'qdisc-enqueue', 'qdisc-dequeue'],
  ...['tx-tap', 'start-xmit', 'drop', 'consume'],
];
/** One that packets do not go round when it is empty. */
const QDISC = ['tbf', 'rate', '10gbit', 'burst', '1mb', 'limit', '10mb'];
/** Of so many expressions at least, each stage has packets that match and packets that do not. */
const TELLING = 10;

const asked: readonly string[] = [
  'udp port 9',
  'tcp',
  'tcp[tcpflags] & tcp-push != 0',
  'icmp[icmptype] = icmp-echo or icmp6[icmp6type] = icmp6-echo',
  'ip6 and udp',
  'host 192.0.2.1 and not tcp',
  'src net 192.0.2.0/25 and dst port 9',
  'dst host 192.0.2.1 or ip6 dst host 2001:db8::1',
  'len > 1000',
  'less 150',
  'ip6[6] = 44 or ip[6:2] & 0x3fff != 0',
  'ip6 host 2001:db8::2',
  'udp[100] != 0 or tcp[200:4] > 0x80000000',
  'ip[200:4] & 1 = 1 or ip6[300] > 100',
  'ip[900] > 127 or ip[40] > 127',
  'ip proto 17 or (ip6 and ip6[6] = 58)',
  'tcp[((tcp[12] & 0xf0) >> 2):1] & 1 = 0 or icmp[30] & 1 = 0',
  'ip[2:2] - 20 > 500 and ip[9] = 6 or ip6[4:2] > 500',
  'portrange 1024-65535 and not udp',
  'ip[8] = 64 and ip[9] != 6 or ip6[7] = 64',
];

interface Packet {
  readonly stage: string;
  readonly isRaw: boolean;
  readonly len: number;
  readonly bytes: Uint8Array;
}

type Opened = Pick<OpenedSession, 'session' | 'plan'>;

const { Filter } = filterAddon();
let world: RouterWorld;
let all: Packet[];
let kept: Packet[];

const pathOf = ({ netns }: End): string => `/run/netns/${netns.name}`;

function openLinks(session: TapSession, end: End, priority: number): void {
  for (const { number, stage } of inetHooks)
    if (STAGES.includes(stage))
      for (const family of linkFamilies)
        session.openHookLink(0, pathOf(end), {
          family: nfproto[family],
          hook: number,
          priority,
        });
}

async function watchDevice(session: TapSession, end: End): Promise<void> {
  const ifindex = Number(await end.run(['cat', `/sys/class/net/${end.device}/ifindex`]));
  session.watchDevice({ inum: end.netns.inode, path: pathOf(end) }, { ifindex, type: 1 }, false);
}

async function watch(session: TapSession, { a, toA, toC, c }: RouterWorld, priority: number): Promise<void> {
  for (const { netns } of [a, toA, c]) session.selectNetns(netns.inode);
  for (const end of [a, toA, toC, c]) await watchDevice(session, end);
  for (const end of [a, toA, c]) openLinks(session, end, priority);
}

async function open(priority: number, kernelFilter?: KernelFilter): Promise<Opened> {
  const rows = expandStages([STAGES.join(',')]).stages;
  const native = nativeBinding();
  const { session, plan } = openSession(
    native,
    {
      ...{ stages: rows, arm: false, observeOnly: false, mechanisms: new Map(), selectDevices: false },
      netnsInum: 'many',
    },
    probeFeatures(native, rows),
    {
      ...{ ringBytes: RING_BYTES, cpus: possibleCpus(), snaplen: SNAPLEN, stacks: false },
      ...(kernelFilter && { kernelFilter }),
    },
  );
  assert.deepEqual([...session.unfiltered], []);
  assert.deepEqual([...new Set(plan.attachments.map(({ stage }) => stage))].sort(), [...STAGES].sort());
  await watch(session, world, priority);
  return { session, plan };
}

/** Everything that is in the rings. */
function drain({ session: { native } }: Opened): Packet[] {
  const packets: Packet[] = [];
  const record = new RecordView();
  const packet = emptyPacket();
  for (let ring = 0; ring < possibleCpus(); ring += 1)
    for (;;) {
      const batch = new Batch(new Uint8Array(1 << 20));
      const bytes = native.drain(ring, batch.u8, 0, new Uint32Array(1));
      if (bytes === 0) break;
      for (let at = 0; at < bytes; at += record.recordLen) {
        const stage = stageByNumber(record.at(batch, at).stage)!.id;
        decodePacket(record, packet, stage === 'rx-tap');
        const { linkType, len, offset, capLen } = packet;
        const isRaw = linkType !== 'ethernet';
        packets.push({ stage, isRaw, len, bytes: packet.bytes.slice(offset, offset + capLen) });
      }
    }
  return packets;
}

async function forwarded({ a, c }: RouterWorld): Promise<void> {
  for (const to of [c.ipv4, c.ipv6]) for (const size of [56, 2000]) await ping(a, to, 40, size);
  await withUdpSink(c, async () => {
    for (const to of [c.ipv4, c.ipv6]) await udp(a, to, 700, 40);
  });
  await iperf(a, c, c.ipv4, '100K');
}

async function traffic({ a, toA: b }: RouterWorld): Promise<void> {
  for (const size of [56, 700, 3000]) {
    await ping(a, b.ipv4, 40, size);
    await ping(a, b.ipv6, 40, size);
  }
  await withUdpSink(b, async () => {
    for (const to of [b.ipv4, b.ipv6]) for (const size of [20, 150, 2000]) await udp(a, to, size, 40);
  });
  // Nobody listens there.
  for (const to of [a.ipv4, a.ipv6]) await udp(b, to, 300, 40);
  await iperf(a, b, b.ipv4, '300K');
  await iperf(b, a, a.ipv6, '300K');
}

async function prepare({ a, toA: b, toC, c }: RouterWorld): Promise<void> {
  for (const end of [a, b, c]) await numberPackets(end, asked.length);
  for (const end of [a, b, toC, c])
    await end.run(['tc', 'qdisc', 'replace', 'dev', end.device, 'root', ...QDISC]);
  // veth hands to GRO what may become one packet again.
  await a.run(['ethtool', '-K', a.device, 'tso', 'off']);
  await b.run(['ethtool', '-K', b.device, 'gro', 'on']);
}

before(async () => {
  if (skip) return;
  world = await createRouterWorld();
  await prepare(world);
  const sessions = [await open(priorities.unfiltered), await open(priorities.filtered, filterByDscp(asked))];
  for (const session of sessions) drain(session);
  await traffic(world);
  await forwarded(world);
  for (const { session } of sessions) session.detachAll();
  [all, kept] = sessions.map(drain) as [Packet[], Packet[]];
  for (const { session, plan } of sessions) {
    for (const attachment of plan.attachments)
      assert.equal(session.counts(attachment).lostRing, 0, attachment.stage);
    session.close();
  }
});
after(() => world?.close());

const compiled = new Map<string, InstanceType<typeof Filter>>();

function filterFor(expression: string, isRaw: boolean): InstanceType<typeof Filter> {
  const key = `${isRaw} ${expression}`;
  const filter = compiled.get(key) ?? new Filter(expression, isRaw ? DLT_RAW : DLT_EN10MB);
  compiled.set(key, filter);
  return filter;
}

const matches = (expression: string, { isRaw, bytes, len }: Packet): boolean =>
  filterFor(expression, isRaw).matchLibpcap(bytes, len);

/** What neighbours say of their own accord comes whenever it likes. */
const isNoise = (packet: Packet): boolean =>
  matches('icmp6 and ip6[40] >= 130 or ip6 proto 0', packet) || (!packet.isRaw && matches('arp', packet));

const named = (packets: readonly Packet[]): string[] =>
  packets.map(({ stage, len, bytes }) => `${stage} ${len} ${Buffer.from(bytes).toString('base64')}`).sort();

/** Both lists would fill the screen. */
function assertSame(actual: readonly string[], expected: readonly string[]): void {
  const brief = (names: readonly string[]): string[] => names.map((name) => name.slice(0, 120));
  const rest = [...expected];
  const added = actual.filter((name) => {
    const at = rest.indexOf(name);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  assert.deepEqual({ added: brief(added), missing: brief(rest) }, { added: [], missing: [] });
}

describe('filters that decide in the kernel', { skip }, () => {
  const telling = new Map(STAGES.map((stage) => [stage, 0]));

  for (const [index, expression] of asked.entries())
    it(`'${expression}' keeps what libpcap would, at every stage`, () => {
      const isAsked = (packet: Packet): boolean =>
        chosenFor(packet.bytes, packet.isRaw, asked.length) === index && !isNoise(packet);
      const seen = all.filter(isAsked);
      const expected = seen.filter((packet) => matches(expression, packet));
      assertSame(named(kept.filter(isAsked)), named(expected));
      for (const [stage, before] of telling) {
        const at = (packets: readonly Packet[]): number =>
          packets.filter((one) => one.stage === stage).length;
        if (at(expected) > 0 && at(expected) < at(seen)) telling.set(stage, before + 1);
      }
    });

  for (const stage of STAGES)
    it(`${stage}: most of them keep some packets and leave some out`, () =>
      assert.ok(telling.get(stage)! >= TELLING, `${telling.get(stage)} of ${asked.length}`));

  it('large segments, in page fragments, are among the packets', () => {
    assert.ok(kept.filter(({ len }) => len > 10_000).length > 0);
  });
});
