/**
 * Filters that decide in the kernel, over real packets: at each stage a filtered session keeps exactly those packets of
 * an unfiltered one that libpcap finds in it, segments in page fragments included.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { probeFeatures } from '../../src/attach/features.js';
import { openSession, type TapSession } from '../../src/attach/session.js';
import { decodePacket, emptyPacket } from '../../src/decode/packet.js';
import { Batch, RecordView } from '../../src/decode/record.js';
import { filterAddon, PacketFilter } from '../../src/filter/filter.js';
import { translate } from '../../src/filter/translate.js';
import { nativeBinding } from '../../src/native/binding.js';
import { expandStages, stageByNumber } from '../../src/stages/lookup.js';
import { possibleCpus } from '../../src/system/kernel.js';
import { runTaptrace, runToEnd } from '../support/cli.js';
import { Tracer } from '../support/tracer.js';
import { iperf, ping, udp, withUdpSink } from '../support/traffic.js';
import { cannotRunLive, createWorld, type World } from '../support/world.js';

const skip = cannotRunLive(['iperf3', 'tcpdump']) ?? false;
const DLT_EN10MB = 1;
const DLT_RAW = 12;
const RING_BYTES = 8 << 20;
/** Of what is there without kprobes and fentry. */
const STAGES = ['netif-rx', 'rx-tap', 'dev-queue', 'tx-tap', 'start-xmit', 'drop', 'consume'];

const asked: readonly string[] = [
  'udp port 9',
  'tcp',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
  'icmp[icmptype] = icmp-echo',
  'ip6 and udp',
  'host 192.0.2.1 and not tcp',
  'src net 192.0.2.0/25 and dst port 9',
  'dst host 192.0.2.1 and icmp',
  'len > 1400',
  'less 100',
  'ip6[6] = 44',
  'ip6 host 2001:db8::2',
  'udp[100] != 0 or tcp[200:4] > 0x80000000',
  'ether[1000:4] & 1 = 1',
  'ip[900] > 127 or ip[40] > 127',
  'ether src 02:00:00:00:00:0a and (tcp or udp)',
  'tcp[((tcp[12] & 0xf0) >> 2):1] & 1 = 0',
  'ip[2:2] - 20 > 500 and ip[9] = 6',
  'portrange 1024-65535 and not udp',
  'ip[8] = 64 or ip6[7] = 64',
];
/** Three stages each; together they have them all. */
const stagesOf = (index: number): string[] =>
  [0, 2, 4].map((step) => STAGES[(index + step) % STAGES.length]!);

interface Packet {
  readonly stage: string;
  readonly linkType: string;
  readonly len: number;
  readonly bytes: Uint8Array;
}

const { Filter } = filterAddon();
let world: World;
let all: Packet[];
const kept: Packet[][] = [];

function open(stages: readonly string[], expression?: string): TapSession {
  const rows = expandStages([stages.join(',')]).stages;
  const native = nativeBinding();
  const request = {
    ...{ stages: rows, arm: false, observeOnly: true, mechanisms: new Map(), selectDevices: false },
    netnsInum: world.b.netns.inode,
  };
  const settings = { ringBytes: RING_BYTES, cpus: possibleCpus(), snaplen: 262144, stacks: false };
  const kernelFilter =
    expression === undefined ? undefined : translate(new PacketFilter(expression).programs!);
  const features = probeFeatures(native, rows);
  const opened = openSession(native, request, features, {
    ...settings,
    ...(kernelFilter && { kernelFilter }),
  });
  assert.deepEqual([...opened.session.unfiltered], []);
  return opened.session;
}

/** Everything that is in the rings. */
function drain({ native }: TapSession): Packet[] {
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
        packets.push({ stage, linkType, len, bytes: packet.bytes.slice(offset, offset + capLen) });
      }
    }
  return packets;
}

async function traffic({ a, b }: World): Promise<void> {
  await ping(a, b.ipv4, 5, 56);
  await ping(a, b.ipv6, 5, 3000);
  await withUdpSink(b, async () => {
    await udp(a, b.ipv4, 150, 10);
    await udp(a, b.ipv6, 2000, 10);
  });
  await iperf(a, b, b.ipv4, '300K');
  await iperf(b, a, a.ipv4, '300K');
}

before(async () => {
  if (skip) return;
  world = await createWorld();
  const unfiltered = open(STAGES);
  const sessions = asked.map((expression, index) => open(stagesOf(index), expression));
  for (const session of [unfiltered, ...sessions]) drain(session);
  await traffic(world);
  for (const session of [unfiltered, ...sessions]) session.detachAll();
  all = drain(unfiltered);
  kept.push(...sessions.map(drain));
  for (const session of [unfiltered, ...sessions]) session.close();
});
after(() => world?.close());

const compiled = new Map<string, InstanceType<typeof Filter> | undefined>();

/** Undefined where the expression asks for a link header that these packets do not have. */
function filterFor(expression: string, linkType: string): InstanceType<typeof Filter> | undefined {
  const key = `${linkType} ${expression}`;
  if (compiled.has(key)) return compiled.get(key);
  try {
    compiled.set(key, new Filter(expression, linkType === 'ethernet' ? DLT_EN10MB : DLT_RAW));
  } catch {
    compiled.set(key, undefined);
  }
  return compiled.get(key);
}

function matches(expression: string, { linkType, bytes, len }: Packet): boolean {
  return filterFor(expression, linkType)?.matchLibpcap(bytes, len) ?? false;
}

/** What neighbours say of their own accord comes whenever it likes. */
const isNoise = (packet: Packet): boolean =>
  matches('icmp6 and ip6[40] >= 130 or ip6 proto 0', packet) ||
  (packet.linkType === 'ethernet' && matches('arp', packet));

const named = (packets: readonly Packet[]): string[] =>
  packets
    .filter((packet) => !isNoise(packet))
    .map(({ stage, len, bytes }) => `${stage} ${len} ${Buffer.from(bytes).toString('base64')}`)
    .sort();

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
  for (const [index, expression] of asked.entries())
    it(`'${expression}' keeps what libpcap would`, () => {
      const stages = stagesOf(index);
      const expected = all.filter((packet) => stages.includes(packet.stage) && matches(expression, packet));
      assert.ok(kept[index]!.length > 0, 'it keeps something');
      assertSame(named(kept[index]!), named(expected));
    });

  it('large segments, in page fragments, are among the packets', () => {
    const large = kept[asked.indexOf('ether[1000:4] & 1 = 1')]!.filter(({ len }) => len > 10_000);
    assert.ok(large.length > 0);
  });
});

describe('a filter that cannot decide in the kernel', { skip }, () => {
  it('one that loops runs in user space, and says so', async () => {
    const tracer = await Tracer.start([
      '--netns',
      world.a.netns.name,
      '--stages',
      'taps',
      'ip6 protochain 17',
    ]);
    await udp(world.a, world.b.ipv6, 100, 5);
    const { header, events, stderr } = await tracer.stop();
    assert.equal(header.filterRuns, 'user');
    assert.match(stderr, /^taptrace: the filter runs in user space everywhere: it loops \(protochain\)$/m);
    assert.equal(events.filter(({ stage }) => stage === 'tx-tap').length, 5);
  });

  it('one that asks for a link header is told where there is none', async () => {
    const tracer = await Tracer.start([
      '--netns',
      world.a.netns.name,
      '--stages',
      'tx-tap,nf-output',
      'ether multicast',
    ]);
    await ping(world.a, world.b.ipv4, 1, 56);
    const { events, stderr } = await tracer.stop();
    assert.match(stderr, /^taptrace: not decidable at nf-output: /m);
    assert.match(stderr, /could not be decided by the filter/);
    assert.deepEqual(
      events.filter(({ stage }) => stage === 'nf-output'),
      [],
    );
  });
});

describe('-d prints the compiled program', { skip }, () => {
  it('as tcpdump does, and attaches nothing', async () => {
    for (const expression of ['tcp port 443 and host 192.0.2.1', 'udp[4:2] > 100', '']) {
      const ours = await runTaptrace(['-d', expression]);
      const theirs = await runToEnd(['tcpdump', '-i', 'lo', '-d', expression]);
      assert.equal(ours.stdout, theirs.stdout);
      assert.equal(ours.exit.code, 0);
      assert.equal(ours.stderr, '');
    }
  });
});
