/**
 * What a packet costs the programs at the taps: one that no filter looks at, and one that a filter for five values lets
 * go by. The kernel's own times (kernel.bpf_stats_enabled), in alternating rounds on the same traffic.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { probeFeatures } from '../src/attach/features.js';
import { openSession } from '../src/attach/session.js';
import { PacketFilter } from '../src/filter/filter.js';
import { translate } from '../src/filter/translate.js';
import { nativeBinding } from '../src/native/binding.js';
import { expandStages } from '../src/stages/lookup.js';
import { possibleCpus } from '../src/system/kernel.js';
import { flood } from '../test/support/quiet.js';
import { median } from './measure.js';
import type { QuietWorld } from './traffic.js';

const statsSwitch = '/proc/sys/kernel/bpf_stats_enabled';
/** As many as the rings hold: an event that finds no room costs less. */
const packets = 40_000;
const rate = 40_000;
export const fiveTuple =
  'tcp and src host 192.0.2.77 and dst host 192.0.2.78 and src port 4433 and dst port 443';

const taps = ['rx-tap', 'tx-tap'] as const;
export type TapCosts = Readonly<Record<(typeof taps)[number], number>>;

/** Nanoseconds a run of each tap's program, over both ends of the world. */
async function costs(world: QuietWorld, expression: string | undefined): Promise<TapCosts> {
  const native = nativeBinding();
  const { stages } = expandStages([...taps]);
  const kernelFilter = expression && translate(new PacketFilter(expression).programs!);
  const settings = { ringBytes: 32 << 20, cpus: possibleCpus(), snaplen: 96, stacks: false };
  const { session, plan } = openSession(
    native,
    { stages, arm: false, observeOnly: true, mechanisms: new Map(), netnsInum: 'all', selectDevices: false },
    probeFeatures(native, stages),
    { ...settings, ...(kernelFilter && { kernelFilter }) },
  );
  try {
    await flood(world, packets, rate);
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

/** One table row a tap: unfiltered, not matching, and their ratio. */
export async function filterCosts(world: QuietWorld, rounds: number): Promise<string[]> {
  const before = readFileSync(statsSwitch, 'utf8');
  const all = { unfiltered: [] as TapCosts[], filtered: [] as TapCosts[] };
  writeFileSync(statsSwitch, '1');
  try {
    for (let round = 0; round < rounds; round += 1) {
      all.unfiltered.push(await costs(world, undefined));
      all.filtered.push(await costs(world, fiveTuple));
    }
  } finally {
    writeFileSync(statsSwitch, before);
  }
  return taps.map((tap) => {
    const unfiltered = median(all.unfiltered.map((one) => one[tap]));
    const filtered = median(all.filtered.map((one) => one[tap]));
    const cells = [tap, unfiltered.toFixed(0), filtered.toFixed(0), (filtered / unfiltered).toFixed(2)];
    return `| ${cells.join(' | ')} |`;
  });
}
