/**
 * Stages that hang on kernel functions, several functions each: every function sees exactly the packets that the
 * kernel's own counters say.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { toHex } from '../../support/bytes.js';
import { ETHERTYPE, ethernetFrame } from '../../support/frames.js';
import { type ProtocolCounts, protocolCounts } from '../../support/kernel-counts.js';
import { patient } from '../../support/process.js';
import { type TraceEvent, Tracer } from '../../support/tracer.js';
import { iperf, ping } from '../../support/traffic.js';
import { type UdpReader, udpReader } from '../../support/udp-reader.js';
import { createWorld, toolPath, type World } from '../../support/world.js';
import { mustWork, rungName } from './rungs.js';

const STAGES = ['ip-rcv', 'l4-rcv', 'sock-queue', 'ip-output'] as const;
const UDP_PACKETS = 100;
const PINGS = 10;
const ARP_FRAMES = 15;
const ARP_PAYLOAD = new Uint8Array(46).fill(0x5a);

interface Run {
  readonly events: readonly TraceEvent[];
  /** How much each counter grew in end b. */
  readonly grown: ProtocolCounts;
  readonly reader: { readonly inode: string; readonly datagrams: number };
  readonly stderr: string;
}

async function traffic({ a, b }: World, reader: UdpReader): Promise<void> {
  const flow = ['--to', b.ipv4, '--port', String(reader.port), '--size', '64'];
  await a.send([toolPath('udp_flood'), ...flow, '--count', String(UDP_PACKETS), '--rate', '1000']);
  await reader.until(UDP_PACKETS);
  await ping(a, b.ipv4, PINGS, 56);
  await ping(a, b.ipv6, PINGS, 56);
  await iperf(a, b, b.ipv4, '64K');
  await iperf(a, b, b.ipv6, '64K');
  const frame = ethernetFrame({ from: a.mac, to: b.mac }, ETHERTYPE.arp, ARP_PAYLOAD);
  const pace = ['--repeat', String(ARP_FRAMES), '--interval-us', '1000'];
  await a.send([toolPath('send_frames'), a.device, ...pace], { input: `${toHex(frame)}\n` });
}

async function trace(world: World, mechanism: 'fentry' | 'kprobe'): Promise<Run> {
  const { b } = world;
  const stages = STAGES.filter((stage) => mustWork({ stage, mechanism }));
  const rungs = stages.flatMap((stage) => ['--mechanism', rungName({ stage, mechanism })]);
  const reader = await udpReader(b);
  // Nothing is sent but by the test.
  for (const end of [world.a, b])
    for (const setting of [
      `conf.${end.device}.router_solicitations=0`,
      `neigh.${end.device}.delay_first_probe_time=600`,
    ])
      await end.run(['sysctl', '-q', '-w', `net.ipv6.${setting}`]);
  const tracer = await Tracer.start(['--netns', b.netns.name, '--stages', stages.join(','), ...rungs]);
  const earlier = await protocolCounts(b);
  const from = process.hrtime.bigint();
  await traffic(world, reader);
  const to = process.hrtime.bigint();
  const later = await protocolCounts(b);
  const { events, stderr } = await tracer.stop();
  const datagrams = await reader.stop();
  return {
    // A guest is never suspended: both clocks run alike.
    events: events.filter(({ tsNs }) => BigInt(tsNs) >= from && BigInt(tsNs) <= to),
    grown: Object.fromEntries(Object.entries(later).map(([name, value]) => [name, value - earlier[name]!])),
    reader: { inode: reader.inode, datagrams },
    stderr,
  };
}

for (const mechanism of ['fentry', 'kprobe'] as const) {
  if (!mustWork({ stage: 'ip-rcv', mechanism })) continue;
  describe(`kernel functions by ${mechanism}`, { timeout: patient(60_000) }, () => {
    let world: World;
    let run: Run;
    before(async () => {
      world = await createWorld();
      run = await trace(world, mechanism);
    });
    after(() => world?.close());

    const at = (...names: string[]) =>
      run.events.filter(({ function: name = '' }) => names.some((one) => name.split('.')[0] === one));
    const counted = (...names: string[]) => names.reduce((sum, name) => sum + run.grown[name]!, 0);

    it('ip_rcv_core: IPv4 packets received', () =>
      assert.equal(at('ip_rcv_core').length, counted('Ip InReceives'), run.stderr));
    it('ip6_rcv_core: IPv6 packets received', () =>
      assert.equal(at('ip6_rcv_core').length, counted('Ip6InReceives')));
    it('arp_rcv: the ARP frames sent', () => {
      const marked = at('arp_rcv').filter(
        ({ capLen, data }) => capLen === 0 || data!.includes('5a'.repeat(40)),
      );
      assert.ok(marked.length >= ARP_FRAMES, `${marked.length}`);
      if (marked.every(({ capLen }) => capLen > 0)) assert.equal(marked.length, ARP_FRAMES);
    });
    it('udp_rcv: datagrams read, and those without a port', () =>
      assert.equal(at('udp_rcv').length, counted('Udp InDatagrams', 'Udp NoPorts', 'Udp InErrors')));
    it('icmp_rcv: ICMP messages', () => assert.equal(at('icmp_rcv').length, counted('Icmp InMsgs')));
    it('icmpv6_rcv: ICMPv6 messages', () => assert.equal(at('icmpv6_rcv').length, counted('Icmp6InMsgs')));
    it('tcp_v4_rcv and tcp_v6_rcv: segments received', () => {
      assert.equal(at('tcp_v4_rcv', 'tcp_v6_rcv').length, counted('Tcp InSegs'));
      for (const name of ['tcp_v4_rcv', 'tcp_v6_rcv']) assert.ok(at(name).length > 5, name);
    });
    it('__udp_enqueue_schedule_skb: datagrams that were read, each at the socket that reads', () => {
      const queued = at('__udp_enqueue_schedule_skb');
      assert.equal(queued.length, run.reader.datagrams);
      assert.equal(queued.length, UDP_PACKETS);
      if (mustWork({ stage: 'sock-queue', mechanism: 'kprobe' }))
        assert.deepEqual([...new Set(queued.map(({ socketInode }) => socketInode))], [run.reader.inode]);
    });
    it('tcp_queue_rcv: segments with data of both connections', () => {
      const queued = at('tcp_queue_rcv');
      const sockets = new Set(queued.flatMap(({ socketInode = [] }) => socketInode));
      if (mustWork({ stage: 'sock-queue', mechanism: 'kprobe' }))
        assert.ok(sockets.size >= 2, [...sockets].join(' '));
      assert.ok(queued.length > 0);
      assert.ok(queued.every(({ ifname }) => ifname === world.b.device));
    });
    if (mustWork({ stage: 'ip-output', mechanism })) {
      it('ip_output and ip_mc_output: IPv4 packets sent', () =>
        assert.equal(at('ip_output', 'ip_mc_output').length, counted('Ip OutRequests')));
      it('ip6_output: IPv6 packets sent', () =>
        assert.equal(at('ip6_output').length, counted('Ip6OutRequests')));
      it('each with the device it leaves by', () =>
        assert.ok(at('ip_output').every(({ ifname }) => ifname === world.b.device)));
    }
  });
}
