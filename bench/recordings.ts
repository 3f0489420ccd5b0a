/**
 * What a recording costs: written, beside `tcpdump -w` on the same traffic, and read, beside `tcpdump -r` and tshark on a
 * file of the same packets. CPU times, since other programs share the machine; files lie in memory.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packagePath } from '../src/native/binding.js';
import { measure, type Observer, spread } from './measure.js';
import { taptrace, tcpdump } from './observers.js';
import type { QuietWorld } from './traffic.js';

const packets = 600_000;
const packetsPerSecond = 200_000;
const payloadBytes = 54;
const main = packagePath('dist/bin/taptrace/main.js');
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

interface Writer {
  readonly observer: Observer;
  readonly eventsPerPacket: number;
}

/** A command whose output is thrown away. */
interface Reader {
  readonly name: string;
  readonly argv: readonly string[];
  readonly events: number;
}

interface Files {
  readonly recording: string;
  readonly pcap: string;
}

const writers = ({ recording, pcap }: Files): readonly Writer[] => [
  { observer: tcpdump('-w FILE', ['-Z', 'root', '-w', pcap]), eventsPerPacket: 1 },
  { observer: taptrace('-w FILE, one tap', ['--stages', 'rx-tap', '-w', recording]), eventsPerPacket: 1 },
  { observer: taptrace('-w FILE', ['-w', recording]), eventsPerPacket: 2 },
];

/** Files as the last writers of each kind have left them. */
const readers = ({ recording, pcap }: Files): readonly Reader[] => [
  {
    name: 'taptrace read, into another recording',
    argv: taptraceRead(recording, '-w', '/dev/null'),
    events: 2 * packets,
  },
  { name: 'taptrace read, as text', argv: taptraceRead(recording), events: 2 * packets },
  {
    name: 'tcpdump -r, into another file',
    argv: ['tcpdump', '-r', pcap, '-Z', 'root', '-w', `${pcap}2`],
    events: packets,
  },
  { name: 'tcpdump -nn -r, as text', argv: ['tcpdump', '-nn', '-r', pcap], events: packets },
  { name: 'tshark -n -r, as text', argv: ['tshark', '-n', '-r', pcap], events: packets },
];

const taptraceRead = (...args: string[]): string[] => ['node', main, 'read', ...args];

/** From its start to its end. */
function cpuSecondsOf(argv: readonly string[]): number {
  const script = 'TIMEFORMAT=%U+%S; time "$@" >/dev/null 2>&1';
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', ...argv], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
  return stderr
    .trim()
    .split('+')
    .reduce((sum, seconds) => sum + Number(seconds), 0);
}

async function written(world: QuietWorld, files: Files, rounds: number): Promise<string[]> {
  const costs = new Map<Writer, { ns: number[]; lost: number[] }>();
  const all = writers(files);
  for (let round = 0; round < rounds; round += 1)
    for (const writer of all) {
      const { ns, lost } = costs.get(writer) ?? { ns: [], lost: [] };
      const measured = await measure(world, writer.observer, packets, packetsPerSecond, payloadBytes);
      ns.push((measured.cpuSeconds * 1e9) / (packets * writer.eventsPerPacket));
      lost.push(measured.lost ?? Number.NaN);
      costs.set(writer, { ns, lost });
    }
  const base = costs.get(all[0]!)!.ns;
  return all.map((writer) => {
    const { ns, lost } = costs.get(writer)!;
    const ratios = ns.map((cost, round) => cost / base[round]!);
    return row([writer.observer.name, spread(ns, 0), spread(ratios, 2), spread(lost, 0)]);
  });
}

function read(files: Files, rounds: number): string[] {
  const all = readers(files);
  const rates = all.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1)
    for (const [at, { argv, events }] of all.entries()) rates[at]!.push(events / cpuSecondsOf(argv) / 1000);
  return all.map(({ name }, at) => row([name, spread(rates[at]!, 0)]));
}

/** The part about recordings. */
export async function recordingSection(world: QuietWorld, rounds: number): Promise<string[]> {
  const directory = mkdtempSync('/dev/shm/taptrace-bench-');
  const files = { recording: join(directory, 'r.taptrace'), pcap: join(directory, 't.pcap') };
  try {
    return [
      '## Recordings',
      '',
      `Written at ${packetsPerSecond} packets/s for ${packets / packetsPerSecond} s to a file in memory; 96 bytes of each packet, so an event takes`,
      '296 bytes of a recording and 98 of a pcap file. Ratios are those of each round:',
      '',
      row(['observer', 'CPU ns an event', 'of that of tcpdump', 'events lost']),
      row(['---', '---', '---', '---']),
      ...(await written(world, files, rounds)),
      '',
      'Read, thousands of events (of tcpdump and tshark: packets) in a second of CPU time, the start of the program included:',
      '',
      row(['reader', 'k events/s']),
      row(['---', '---']),
      ...read(files, rounds),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
