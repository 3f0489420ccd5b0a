/**
 * Deliveries to packet sockets: what each was handed and what it made of it, against the sockets' own counters, by
 * tcpdump with a filter and a buffer that is too small, and by sockets without a ring, alone and as a fanout group.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { withAnswers } from '../../support/amended.js';
import { readPcap } from '../../support/pcap.js';
import { type Child, patient } from '../../support/process.js';
import { createQuietWorld, flood, floodArp, type QuietWorld } from '../../support/quiet.js';
import { type TraceEvent, Tracer } from '../../support/tracer.js';
import { toolPath } from '../../support/world.js';
import { mustWork, rungName } from './rungs.js';

const UDP_PACKETS = 1500;
/** tcpdump's filter refuses them. */
const ARP_FRAMES = 40;
const PAYLOAD_BYTES = 500;
/** With Ethernet, IPv4 and UDP headers. */
const FRAME_BYTES = 14 + 20 + 8 + PAYLOAD_BYTES;
/** Of each of two senders on CPUs of their own. */
const PAIR_PACKETS = 400;
const READER_BYTES = 65536;
const TCPDUMP_KIB = 64;
/** Of each packet, tcpdump asks for so many bytes. */
const SNAPLEN = 96;

/** What became of packets at one socket. */
interface Answers {
  readonly taken: number;
  readonly full: number;
}

interface Reader extends Answers {
  readonly inode: string;
}

/** Starts packet sockets on end b; `stop` gives what each counted. */
async function packetReaders({ b }: QuietWorld, sockets: number): Promise<() => Promise<Reader[]>> {
  const child = b.spawn([toolPath('packet_reader'), b.device, String(READER_BYTES), String(sockets)]);
  await child.until(() => child.stdout.includes('ready'), 'open sockets');
  return async () => {
    await child.stop('SIGTERM');
    const lines = child.stdout.trim().split('\n').slice(1);
    return lines.map((line) => {
      const [inode, taken, full] = line.split(' ');
      return { inode: inode!, taken: Number(taken), full: Number(full) };
    });
  };
}

/** tcpdump's own figures at its end. */
function tcpdumpCounts({ stderr }: Child) {
  const of = (what: string) => Number(new RegExp(`^(\\d+) packets? ${what}`, 'm').exec(stderr)?.[1]);
  return {
    captured: of('captured'),
    received: of('received by filter'),
    dropped: of('dropped by kernel'),
  };
}

async function startedTcpdump({ b }: QuietWorld, file: string): Promise<Child> {
  const child = b.spawn([
    ...['tcpdump', '-n', '-i', b.device, '-B', String(TCPDUMP_KIB), '-s', String(SNAPLEN), '-Z', 'root'],
    ...['-w', file, 'udp'],
  ]);
  await child.until(() => child.stderr.includes('listening on'), 'capture start');
  return child;
}

for (const mechanism of ['fentry', 'kprobe'] as const) {
  const rung = { stage: 'delivery', mechanism } as const;
  if (!mustWork(rung)) continue;
  describe(`deliveries by ${mechanism}`, { timeout: patient(60_000) }, () => {
    let world: QuietWorld;
    let events: readonly TraceEvent[];
    let stderr: string;
    let tcpdump: ReturnType<typeof tcpdumpCounts>;
    let single: Reader[];
    let group: Reader[];
    let pair: Reader[];
    let written: number[];
    const dir = mkdtempSync(join(tmpdir(), 'taptrace-deliveries-'));
    const file = join(dir, 'tcpdump.pcap');

    before(async () => {
      world = await createQuietWorld();
      const child = await startedTcpdump(world, file);
      const stopSingle = await packetReaders(world, 1);
      const stopGroup = await packetReaders(world, 2);
      const netns = ['--netns', world.b.netns.name];
      const tracer = await Tracer.start([...netns, '--stages', 'delivery', '--mechanism', rungName(rung)]);
      child.kill('SIGSTOP');
      await flood(world, UDP_PACKETS, 0, PAYLOAD_BYTES);
      await floodArp(world, ARP_FRAMES);
      child.kill('SIGCONT');
      single = await stopSingle();
      group = await stopGroup();
      await child.stop('SIGINT');
      tcpdump = tcpdumpCounts(child);
      written = [...readPcap(new Uint8Array(readFileSync(file)))].map(({ capLen }) => capLen);
      const stopPair = await packetReaders(world, 1);
      await Promise.all([0, 1].map((cpu) => floodFrom(world, cpu)));
      pair = await stopPair();
      const result = await tracer.stop();
      events = withAnswers(result.events);
      stderr = result.stderr;
    });
    after(async () => {
      await world?.close();
      rmSync(dir, { recursive: true });
    });

    const of = (inode: string) => events.filter(({ socketInode }) => socketInode === inode);
    const answers = (list: readonly TraceEvent[]) => {
      const count = (result: string) => list.filter((event) => event.result === result).length;
      return {
        taken: count('taken'),
        full: count('full'),
        filtered: count('filtered'),
        unknown: count('unknown'),
        silent: list.filter(({ result }) => result === undefined).length,
      };
    };
    /** How many bytes of each packet were taken. */
    const takenBytes = (inode: string) => {
      const taken = of(inode).filter(({ result }) => result === 'taken');
      const known = taken.flatMap((event) => event.takenBytes ?? []);
      assert.ok(known.length > 0);
      assert.equal(known.length, taken.length);
      return known;
    };
    const inodes = () => new Set(events.map(({ socketInode }) => socketInode!));
    const readers = () => [...single, ...group, ...pair].map(({ inode }) => inode);

    it('tcpdump: received, dropped and refused as it says itself', () => {
      const [inode, ...others] = [...inodes()].filter((one) => !readers().includes(one));
      assert.deepEqual(others, [], stderr);
      const { taken, full, ...rest } = answers(of(inode!));
      assert.ok(tcpdump.dropped > 0, 'its buffer was large enough');
      assert.deepEqual(
        { full, received: taken + full },
        { full: tcpdump.dropped, received: tcpdump.received },
      );
      assert.deepEqual(rest, { filtered: ARP_FRAMES, unknown: 0, silent: 0 });
    });
    it('tcpdump: of each packet so many bytes as it wrote', () => {
      const [inode] = [...inodes()].filter((one) => !readers().includes(one));
      assert.deepEqual(new Set(written), new Set([SNAPLEN]));
      assert.equal(written.length, tcpdump.captured);
      assert.deepEqual(new Set(takenBytes(inode!)), new Set([SNAPLEN]));
    });
    it('a socket without a filter takes all bytes', () => {
      const [{ inode }] = single as [Reader];
      assert.deepEqual(new Set(takenBytes(inode)), new Set([FRAME_BYTES]));
    });
    it('a socket without a ring: taken and full as it counted', () => {
      const [{ inode, taken, full }] = single as [Reader];
      assert.ok(full > 0);
      assert.deepEqual(answers(of(inode)), { taken, full, filtered: 0, unknown: 0, silent: 0 });
    });
    it('a fanout group: every packet at one of its sockets', () => {
      for (const { inode, taken, full } of group)
        assert.deepEqual(answers(of(inode)), { taken, full, filtered: 0, unknown: 0, silent: 0 });
      const all = group.reduce((sum, { inode }) => sum + of(inode).length, 0);
      assert.equal(all, UDP_PACKETS + ARP_FRAMES);
    });
    it('two senders at once: the sum agrees, and what is not certain is unknown', () => {
      const [{ inode, taken, full }] = pair as [Reader];
      const seen = answers(of(inode));
      assert.equal(of(inode).length, 2 * PAIR_PACKETS);
      assert.equal(seen.taken + seen.full + seen.filtered + seen.unknown, taken + full);
      assert.ok(seen.taken <= taken && taken <= seen.taken + seen.unknown, JSON.stringify(seen));
      assert.ok(seen.full <= full && full <= seen.full + seen.unknown, JSON.stringify(seen));
      assert.equal(seen.filtered, 0);
    });
  });
}

async function floodFrom({ a, b }: QuietWorld, cpu: number): Promise<void> {
  const flow = ['--to', b.ipv4, '--size', String(PAYLOAD_BYTES)];
  const amount = ['--count', String(PAIR_PACKETS), '--rate', '0'];
  await a.run(['taskset', '-c', String(cpu), toolPath('udp_flood'), ...flow, ...amount]);
}
