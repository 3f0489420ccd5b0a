/** l4-rcv by a cgroup program, beside what the kernel counts of datagrams and segments that found a socket. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runTaptrace } from '../support/cli.js';
import { comparing } from '../support/comparing.js';
import { Follower, type PathLine } from '../support/follower.js';
import { type ProtocolCounts, protocolCounts } from '../support/kernel-counts.js';
import { Child } from '../support/process.js';
import { bpfResidue, residueSince } from '../support/residue.js';
import { type TraceEvent, type TraceResult, Tracer, traceCommand } from '../support/tracer.js';
import { type UdpReader, udpReader } from '../support/udp-reader.js';
import { cannotRunLive, createWorld, type End, toolPath, type World } from '../support/world.js';

const skip = cannotRunLive(['bpftool', 'unshare']) ?? false;
/** More than a receive buffer of the usual size holds. */
const DATAGRAMS = 400;
const DATAGRAM_BYTES = 1000;
const CLOSED_PORT = 47;
const byCgroup = ['--stages', 'l4-rcv', '--mechanism', 'l4-rcv=cgroup_skb'];

let world: World;
before(async () => {
  if (!skip) world = await createWorld();
});
after(() => world?.close());

const netnsNames = () => [world.a.netns.name, world.b.netns.name];
const netnsArgs = () => netnsNames().flatMap((name) => ['--netns', name]);

const at = ({ events }: TraceResult, end: End): TraceEvent[] =>
  events.filter(({ ifname, netns }) => ifname === end.device && netns === end.netns.inode);

async function traced(use: () => Promise<void>): Promise<TraceResult> {
  const tracer = await Tracer.start([...netnsArgs(), ...byCgroup]);
  await use();
  const result = await tracer.stop();
  assert.equal(result.exit.code, 0, result.stderr);
  assert.equal(result.summary.complete, true);
  assert.ok(result.events.every(({ mechanism, observed }) => mechanism === 'cgroup_skb' && !observed));
  return result;
}

async function send(to: string, port: number, count: number): Promise<void> {
  const flow = ['--to', to, '--port', String(port), '--size', String(DATAGRAM_BYTES)];
  await world.a.send([toolPath('udp_flood'), ...flow, '--count', String(count), '--rate', '4000']);
}

/** By how much the counters grew during `use`. */
async function countedDuring(end: End, use: () => Promise<void>): Promise<ProtocolCounts> {
  const before = await protocolCounts(end);
  await use();
  const now = await protocolCounts(end);
  return Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - (before[name] ?? 0)]));
}

/** Fills the buffer of a program that does not read, which then reads what is left. */
async function overflow(reader: UdpReader, to: string, dropsName: string): Promise<void> {
  const before = (await protocolCounts(world.b))[dropsName]!;
  reader.pause();
  await send(to, reader.port, DATAGRAMS);
  const dropped = (await protocolCounts(world.b))[dropsName]! - before;
  reader.resume();
  await reader.until(DATAGRAMS - dropped);
}

const tcpServer = `
const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.resume();
  socket.on('end', () => socket.end('thanks'));
  socket.on('close', () => server.close());
});
server.listen(0, '::', () => console.log('port ' + server.address().port + ' '));
`;
const tcpClient = (to: string, port: number): string => `
const socket = require('node:net').connect(${port}, '${to}', () => socket.end(Buffer.alloc(300000)));
socket.resume();
`;

/** One connection from its first segment to its last. */
async function connection(to: string): Promise<void> {
  const server = world.b.spawn([process.execPath, '-e', tcpServer]);
  await server.until(() => /port \d+ /.test(server.stdout), 'listening server');
  const port = Number(/port (\d+) /.exec(server.stdout)![1]);
  await world.a.send([process.execPath, '-e', tcpClient(to, port)]);
  assert.deepEqual(await server.exited, { code: 0, signal: null }, server.stderr);
}

const families = [
  { name: 'IPv4', family: 'udp4', address: 'ipv4', read: 'Udp InDatagrams', full: 'Udp RcvbufErrors' },
  { name: 'IPv6', family: 'udp6', address: 'ipv6', read: 'Udp6InDatagrams', full: 'Udp6RcvbufErrors' },
] as const;

describe('l4-rcv by cgroup_skb', { skip }, () => {
  for (const { name, family, address, read, full } of families) {
    it(`sees each UDP datagram that has a socket, full or not: ${name}`, async () => {
      const reader = await udpReader(world.b, family);
      let counted: ProtocolCounts = {};
      const result = await traced(async () => {
        counted = await countedDuring(world.b, () => overflow(reader, world.b[address], full));
      });
      const events = at(result, world.b).filter(({ dport }) => dport === reader.port);
      assert.ok(counted[read]! > 0 && counted[full]! > 0, JSON.stringify(counted));
      assert.equal(events.length, counted[read]! + counted[full]!);
      assert.equal(events.length, DATAGRAMS);
      assert.equal(await reader.stop(), counted[read]);
      assert.deepEqual([...new Set(events.map(({ socketInode }) => socketInode))], [reader.inode]);
      const cookies = new Set(events.map(({ socketCookie }) => socketCookie));
      assert.ok(cookies.size === 1 && !cookies.has(undefined), 'one socket');
    });

    it(`sees each TCP segment at both ends of a connection: ${name}`, async () => {
      const counted: number[] = [];
      const result = await traced(async () => {
        const segments = async (end: End) => (await protocolCounts(end))['Tcp InSegs']!;
        const before = [await segments(world.a), await segments(world.b)];
        await connection(world.b[address]);
        counted.push((await segments(world.a)) - before[0]!, (await segments(world.b)) - before[1]!);
      });
      const tcp = (end: End) => at(result, end).filter(({ proto }) => proto === 'tcp');
      assert.ok(counted.every((segments) => segments > 4));
      assert.deepEqual([tcp(world.a).length, tcp(world.b).length], counted);
      assert.ok(result.events.every(({ socketCookie }) => socketCookie !== undefined));
    });
  }

  it('stands behind nf-input in a journey, with the same bytes; what finds no socket has no such event', async () => {
    const reader = await udpReader(world.b);
    const filter = `udp port ${reader.port} or udp port ${CLOSED_PORT}`;
    const mechanism = ['--mechanism', 'l4-rcv=cgroup_skb'];
    const follower = await Follower.start([...netnsArgs(), ...mechanism, filter]);
    await send(world.b.ipv4, reader.port, 1);
    await send(world.b.ipv4, CLOSED_PORT, 1);
    await follower.until(2);
    await reader.stop();
    const { journeys, exit, stderr } = await follower.stop();
    assert.equal(exit.code, 0, stderr);
    const [taken, refused] = [reader.port, CLOSED_PORT].map((port) =>
      journeys.find(({ events }) => events.some(({ dport }) => dport === port)),
    ) as [PathLine, PathLine];
    const stages = ({ events }: PathLine) => events.map(({ stage }) => stage);
    const inside = ['rx-tap', 'nf-input', 'l4-rcv'];
    assert.deepEqual(
      [...new Set(stages(taken))].filter((stage) => inside.includes(stage)),
      inside,
    );
    const [atHook, atSocket] = ['nf-input', 'l4-rcv'].map((id) =>
      taken.events.find(({ stage }) => stage === id),
    );
    const packet = (event = atHook) => [event?.skb, event?.linkType, event?.len, event?.data];
    assert.deepEqual(packet(atSocket), packet(atHook));
    assert.ok(!stages(refused).includes('l4-rcv'));
    assert.deepEqual([refused.end.stage, refused.end.reason], ['drop', 'NO_SOCKET']);
  });

  it('needs no mount of the hierarchy, and leaves nothing behind', async () => {
    const before = bpfResidue(netnsNames());
    const unmounted = ['unshare', '-m', 'sh', '-c', 'umount -l -a -t cgroup2; exec "$@"', 'sh'];
    const reader = await udpReader(world.b);
    const trace = traceCommand(['--json', ...netnsArgs(), ...byCgroup, '-c', '1']);
    const child = new Child([...unmounted, ...trace]);
    await child.until(() => child.stdout.includes('\n'), 'header line');
    await send(world.b.ipv4, reader.port, 1);
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.stderr);
    assert.ok(child.stdout.includes(`"socketInode":"${reader.inode}"`), child.stdout);
    await reader.stop();
    assert.deepEqual(await residueSince(before, netnsNames()), []);
  });

  it('has a row in compare', async () => {
    const reader = await udpReader(world.b);
    const how = {
      stages: 'taps,nf-input,l4-rcv,drop',
      args: ['--mechanism', 'l4-rcv=cgroup_skb'],
      filter: `udp dst port ${reader.port} or udp dst port ${CLOSED_PORT}`,
    };
    const compared = await comparing([world.a, world.b], how, async () => {
      await send(world.b.ipv4, reader.port, 20);
      await send(world.b.ipv4, CLOSED_PORT, 10);
      await reader.until(20);
    });
    await reader.stop();
    const packetsAt = (stage: string) =>
      compared.stages.filter((row) => row.stage === stage).map(({ packets }) => packets);
    assert.deepEqual([packetsAt('nf-input'), packetsAt('l4-rcv'), packetsAt('drop')], [[30], [20], [10]]);
  });

  it('--observe forbids it', async () => {
    const refused = await runTaptrace(['trace', '--observe', ...byCgroup]);
    assert.deepEqual(refused.exit, { code: 3, signal: null });
    assert.match(
      refused.stderr,
      /l4-rcv=cgroup_skb is not possible here: a cgroup program of ours would be a probe/,
    );
    const tracer = await Tracer.start([...netnsArgs(), '--observe', '--stages', 'l4-rcv,drop']);
    const { header } = await tracer.stop();
    assert.notEqual(header.plan['l4-rcv'], 'cgroup_skb');
  });
});
