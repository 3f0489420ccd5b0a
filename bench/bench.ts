/**
 * Rate, loss, CPU, memory and start-up, beside tcpdump on the same traffic in the same run: rounds
 * alternate, medians are shown with their spread. Writes docs/performance.md.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { filterCosts, filterRates, fiveTuple } from './filters.js';
import { type Measurement, measure, measureAlone, spread } from './measure.js';
import { observers } from './observers.js';
import { recordingSection } from './recordings.js';
import { measureBareNodeMs, measureStartUpMs } from './startup.js';
import { createQuietWorld, type QuietWorld } from './traffic.js';

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const payloadBytes = 54;
const pacedRate = 200_000;
const pacedPackets = 600_000;
const flatOutPackets = 1_000_000;

const say = (text: string): boolean => process.stderr.write(`${text}\n`);
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

interface Rows {
  readonly paced: Measurement[];
  readonly flatOut: Measurement[];
  readonly kept: number[];
}

async function runRounds(world: QuietWorld): Promise<Map<string, Rows>> {
  const results = new Map<string, Rows>();
  for (const { observer } of observers) results.set(observer.name, { paced: [], flatOut: [], kept: [] });
  for (let round = 1; round <= rounds; round += 1) {
    for (const { observer } of observers) {
      const rows = results.get(observer.name)!;
      rows.paced.push(await measure(world, observer, pacedPackets, pacedRate, payloadBytes));
      const alone = await measureAlone(world, flatOutPackets, 0, payloadBytes);
      const flatOut = await measure(world, observer, flatOutPackets, 0, payloadBytes);
      rows.flatOut.push(flatOut);
      rows.kept.push(flatOut.packetsPerSecond / alone);
      say(`round ${round}/${rounds}: ${observer.name} done`);
    }
  }
  return results;
}

function pacedTable(results: Map<string, Rows>): string[] {
  const lines = [
    row(['observer', 'events lost', 'CPU ns an event', 'peak memory MiB']),
    row(['---', '---', '---', '---']),
  ];
  for (const { observer, eventsPerPacket } of observers) {
    const { paced } = results.get(observer.name)!;
    const lost = paced.map((m) => m.lost ?? Number.NaN);
    const cpu = paced.map((m) => (m.cpuSeconds * 1e9) / (pacedPackets * eventsPerPacket));
    lines.push(
      row([
        observer.name,
        spread(lost, 0),
        spread(cpu, 0),
        spread(
          paced.map((m) => m.peakRssMib),
          0,
        ),
      ]),
    );
  }
  return lines;
}

function flatOutTable(results: Map<string, Rows>): string[] {
  const lines = [
    row(['observer', 'traffic kept', 'k packets/s with it', 'share of events lost']),
    row(['---', '---', '---', '---']),
  ];
  for (const { observer, eventsPerPacket } of observers) {
    const { flatOut, kept } = results.get(observer.name)!;
    const share = flatOut.map((m) => (m.lost ?? Number.NaN) / (flatOutPackets * eventsPerPacket));
    const rate = flatOut.map((m) => m.packetsPerSecond / 1000);
    lines.push(row([observer.name, spread(kept, 2), spread(rate, 0), spread(share, 3)]));
  }
  return lines;
}

interface StartUps {
  readonly taptrace: number[];
  readonly bareNode: number[];
}

async function startUps(): Promise<StartUps> {
  const times: StartUps = { taptrace: [], bareNode: [] };
  await measureStartUpMs();
  for (let i = 0; i < rounds + 1; i += 1) {
    times.taptrace.push(await measureStartUpMs());
    times.bareNode.push(await measureBareNodeMs());
  }
  return times;
}

/** The part about packets that do not match. */
async function filterSection(world: QuietWorld): Promise<string[]> {
  const { rows, nothing } = await filterCosts(world, rounds);
  return [
    '## A packet that a filter lets go by',
    '',
    `The filter is \`${fiveTuple}\`. Nanoseconds a run of the program, told by the kernel, less ${nothing.toFixed(0)} ns that it`,
    'tells of a program that does nothing:',
    '',
    row(['tap', 'unfiltered', 'not matching', 'with `-i`', 'not matching / unfiltered']),
    row(['---', '---', '---', '---', '---']),
    ...rows,
    '',
    'What the sender loses while both taps of each packet are watched with this filter, ns a packet. Where the range is',
    'wider than the figures, the machine was too busy to tell:',
    '',
    row(['observer', 'added']),
    row(['---', '---']),
    ...(await filterRates(world, rounds)),
  ];
}

function page(results: Map<string, Rows>, startUp: StartUps, sections: readonly string[]): string {
  return [
    '# Performance',
    '',
    'Written by `make bench`. Medians of alternating rounds with [lowest..highest]; machines differ and this one',
    'is shared, so read the ratios between rows, not the figures alone.',
    '',
    `Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}, ${rounds} rounds.`,
    'Traffic: connected UDP in batches of 32 from one namespace to another over veth, 96-byte frames, sender and',
    'softirqs on CPU 0, observer on CPU 1, output to /dev/null. taptrace watches tx-tap on one end and rx-tap on',
    'the other (two events a packet) unless the row says one tap; tcpdump watches one end, with a 64 MiB buffer.',
    'Both keep 96 bytes of each packet. taptrace has a ring of 16 MiB a CPU unless the row says more.',
    '',
    `## ${pacedRate} packets/s for ${pacedPackets / pacedRate} s`,
    '',
    ...pacedTable(results),
    '',
    '## As fast as the sender goes',
    '',
    '*Traffic kept*: packets/s with the observer over packets/s just before without it.',
    '',
    ...flatOutTable(results),
    '',
    ...sections,
    '',
    '## Start-up',
    '',
    `\`taptrace -i lo --json\`, process start to first event: ${spread(startUp.taptrace, 0)} ms;`,
    `an empty Node program in the same run: ${spread(startUp.bareNode, 0)} ms.`,
    '',
  ].join('\n');
}

const world = await createQuietWorld();
try {
  const results = await runRounds(world);
  const sections = [...(await filterSection(world)), '', ...(await recordingSection(world, rounds))];
  const text = page(results, await startUps(), sections);
  writeFileSync('docs/performance.md', text);
  process.stdout.write(text);
} finally {
  world.close();
}
