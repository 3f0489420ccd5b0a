/**
 * What a packet costs that a filter lets go by. Two ways: the kernel's own times of our programs
 * (kernel.bpf_stats_enabled), less those of a program that does nothing; and what the sender loses while it is watched,
 * beside tcpdumps with the same filter. Rounds alternate, on the same traffic.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { probeFeatures } from '../src/attach/features.js';
import { type OpenedSession, openSession } from '../src/attach/session.js';
import { PacketFilter } from '../src/filter/filter.js';
import { translate } from '../src/filter/translate.js';
import { nativeBinding, packagePath } from '../src/native/binding.js';
import { expandStages } from '../src/stages/lookup.js';
import { possibleCpus } from '../src/system/kernel.js';
import type { Child } from '../test/support/process.js';
import { flood } from '../test/support/quiet.js';
import { measureAlone, median, spread } from './measure.js';
import type { QuietWorld } from './traffic.js';

const statsSwitch = '/proc/sys/kernel/bpf_stats_enabled';
/** As many as the rings hold: an event that finds no room costs less. */
const packets = 40_000;
const flatOutPackets = 100_000;
const payloadBytes = 54;
/** How many times more rounds than the others: a packet takes microseconds, a filter some ten nanoseconds. */
const roundsFactor = 4;
export const fiveTuple =
  'tcp and src host 192.0.2.77 and dst host 192.0.2.78 and src port 4433 and dst port 443';

const taps = ['rx-tap', 'tx-tap'] as const;
type TapCosts = Readonly<Record<(typeof taps)[number], number>>;

/** What is asked of the packets; no expression: all are wanted. */
interface Asked {
  readonly expression?: string;
  /** Only of both ends' devices, as with -i. */
  readonly devices?: QuietWorld;
}

async function selectDevices({ session }: OpenedSession, { a, b }: QuietWorld): Promise<void> {
  for (const end of [a, b])
    session.selectDevice(
      end.netns.inode,
      Number(await end.run(['cat', `/sys/class/net/${end.device}/ifindex`])),
    );
}

async function openTaps({ expression, devices }: Asked): Promise<OpenedSession> {
  const native = nativeBinding();
  const { stages } = expandStages([...taps]);
  const kernelFilter = expression && translate(new PacketFilter(expression).programs!);
  const settings = { ringBytes: 32 << 20, cpus: possibleCpus(), snaplen: 96, stacks: false };
  const request = { stages, arm: false, observeOnly: true, mechanisms: new Map(), netnsInum: 'all' } as const;
  const opened = openSession(
    native,
    { ...request, selectDevices: devices !== undefined },
    probeFeatures(native, stages),
    { ...settings, ...(kernelFilter && { kernelFilter }) },
  );
  if (devices) await selectDevices(opened, devices);
  return opened;
}

/** Nanoseconds a run of each tap's program, over both ends of the world. */
async function costs(world: QuietWorld, asked: Asked): Promise<TapCosts> {
  const { session, plan } = await openTaps(asked);
  try {
    await flood(world, packets, 0);
    const cost = (stage: string): number => {
      const attachment = plan.attachments.find((one) => one.stage === stage)!;
      const { runTimeNs, runCount } = session.stats(attachment)!;
      return runTimeNs / runCount;
    };
    return { 'rx-tap': cost('rx-tap'), 'tx-tap': cost('tx-tap') };
  } finally {
    session.close();
  }
}

/** Nanoseconds a run of a program that does nothing. */
async function costOfNothing(world: QuietWorld): Promise<number> {
  const session = new (nativeBinding().Session)({ ringBytes: 4096, rings: 1, mapEntries: {} });
  try {
    const object = readFileSync(packagePath('dist/tools/nothing.bpf.o'));
    const id = session.load({ object, program: 'nothing', constants: {}, target: 'netif_receive_skb' });
    session.attach(id);
    await flood(world, packets, 0);
    const { runTimeNs, runCount } = session.programStats(id);
    return runTimeNs / runCount;
  } finally {
    session.close();
  }
}

/** The programs' times: a table row a tap, and what was taken off. */
export async function filterCosts(
  world: QuietWorld,
  rounds: number,
): Promise<{ rows: string[]; nothing: number }> {
  const before = readFileSync(statsSwitch, 'utf8');
  const all = { unfiltered: [], filtered: [], onDevice: [] } as Record<string, TapCosts[]>;
  const nothings: number[] = [];
  writeFileSync(statsSwitch, '1');
  try {
    for (let round = 0; round < rounds; round += 1) {
      nothings.push(await costOfNothing(world));
      all.unfiltered!.push(await costs(world, {}));
      all.filtered!.push(await costs(world, { expression: fiveTuple }));
      all.onDevice!.push(await costs(world, { expression: fiveTuple, devices: world }));
    }
  } finally {
    writeFileSync(statsSwitch, before);
  }
  const nothing = median(nothings);
  const rows = taps.map((tap) => {
    const [unfiltered, filtered, onDevice] = Object.values(all).map(
      (rounds) => median(rounds.map((one) => one[tap])) - nothing,
    ) as [number, number, number];
    const cells = [unfiltered, filtered, onDevice].map((cost) => cost.toFixed(0));
    return `| ${[tap, ...cells, (filtered / unfiltered).toFixed(2)].join(' | ')} |`;
  });
  return { rows, nothing };
}

/** What watches both taps of the world's one device each; gives back how to end it. */
type Watch = (world: QuietWorld) => Promise<() => Promise<void>>;

const byTaptrace: Watch = async () => {
  const { session } = await openTaps({ expression: fiveTuple });
  return async () => session.close();
};

const byTcpdump: Watch = async ({ a, b }) => {
  const watch = async (end: QuietWorld['a'], direction: string): Promise<Child> => {
    const options = ['-n', '-p', '-Z', 'root', '-w', '/dev/null', '-i', end.device, '-Q', direction];
    const child = end.spawn(['taskset', '-c', '1', 'tcpdump', ...options, fiveTuple]);
    await child.until(() => child.stderr.includes('listening on'), 'start of tcpdump');
    return child;
  };
  const children = [await watch(a, 'out'), await watch(b, 'in')];
  return async () => {
    for (const child of children) await child.stop('SIGINT');
  };
};

const watches: readonly (readonly [name: string, watch: Watch])[] = [
  ['tcpdump', byTcpdump],
  ['taptrace', byTaptrace],
];

/** What the sender loses: one row an observer, with nanoseconds a packet added at both taps. */
export async function filterRates(world: QuietWorld, rounds: number): Promise<string[]> {
  const added = new Map(watches.map(([name]) => [name, [] as number[]]));
  const nsPerPacket = async (): Promise<number> =>
    1e9 / (await measureAlone(world, flatOutPackets, 0, payloadBytes));
  for (let round = 0; round < rounds * roundsFactor; round += 1)
    for (const [name, watch] of watches) {
      const alone = await nsPerPacket();
      const end = await watch(world);
      added.get(name)!.push((await nsPerPacket()) - alone);
      await end();
    }
  return watches.map(([name]) => `| ${name} | ${spread(added.get(name)!, 0)} |`);
}
