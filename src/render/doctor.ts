/** The doctor's report as text and as JSON: the kernel, the rights, the settings, then every stage. */
import type { KernelFeatures } from '../attach/features.js';
import type { RungTrial, StageTrial } from '../attach/try.js';
import type { PassedOver, StageWatch } from '../stages/report.js';
import type { Machine } from '../system/machine.js';
import { type Fact, kernelFacts, missingRights, rightsFacts, settingsFacts } from './doctor-facts.js';
import { wrapText } from './text-layout.js';

export interface DoctorReport {
  readonly features: KernelFeatures;
  readonly machine: Machine;
  /** Stages that this version can watch somehow, in path order. */
  readonly trials: readonly StageTrial[];
  /** The others. */
  readonly unbuilt: readonly StageWatch[];
}

export interface Verdict {
  /** `arm`: only, or as asked, by a packet socket of ours. */
  readonly taps: 'passive' | 'arm' | 'none';
  readonly text: string;
}

/** Whether both taps can be watched, and why not. */
export function verdictOf({ trials }: DoctorReport): Verdict {
  const taps = trials.filter(({ stage }) => stage.group === 'taps');
  const failed = taps.filter(({ watch }) => !watch.mechanism);
  const armed = taps.filter(({ onlyWithArm }) => onlyWithArm).map(({ stage }) => stage.id);
  const probes = taps.some(({ watch }) => watch.observed === false);
  if (failed.length)
    return {
      taps: 'none',
      text: failed
        .map(({ stage, watch }) => `${stage.id} cannot be watched here: ${watch.reason}.`)
        .join(' '),
    };
  if (armed.length)
    return { taps: 'arm', text: `Both taps can be watched here, ${armed.join(' and ')} only with --arm.` };
  if (probes) return { taps: 'arm', text: 'Both taps can be watched here, by the packet sockets of --arm.' };
  return { taps: 'passive', text: 'Both taps can be watched here, without a probe that others could see.' };
}

const labelColumn = 19;
const stageColumn = 15;

function factLines(facts: readonly Fact[], width: number): string[] {
  return facts.flatMap(([name, text]) =>
    wrapText(text, width - labelColumn - 2).map(
      (line, row) => `  ${(row === 0 ? name : '').padEnd(labelColumn)}${line}`,
    ),
  );
}

const indented = (text: string, width: number): string[] =>
  wrapText(text, width - stageColumn - 6).map(
    (line, row) => `${' '.repeat(stageColumn + (row === 0 ? 4 : 6))}${line}`,
  );

const passedOverText = ({ mechanism, target, reason }: PassedOver): string =>
  `not ${mechanism} ${target}: ${reason}`;

const belowText = ({ mechanism, target, works, reason }: RungTrial): string =>
  works ? `then ${mechanism} ${target}: works too` : `then ${mechanism} ${target}: ${reason}`;

function headOf({ watch, function: where }: StageTrial): string {
  const { mechanism, target, observed } = watch;
  if (!mechanism) return 'cannot be watched';
  const how = mechanism === 'inferred' ? `inferred from ${target}` : `${mechanism} ${target}`;
  const suffix = where?.startsWith(`${target}.`) ? where.slice(target!.length) : '';
  return `${how}${suffix}, ${observed ? 'observed' : 'a probe of ours'}`;
}

function stageLines(trial: StageTrial, verbose: boolean, width: number): string[] {
  const { stage, watch, onlyWithArm, below } = trial;
  const isTold = verbose || onlyWithArm || watch.passedOver.length === 0;
  const reason = isTold && watch.reason !== 'The best way there is.' ? [watch.reason] : [];
  const remarks = [...reason, ...watch.passedOver.map(passedOverText), ...below.map(belowText)];
  return [
    `  ${stage.id.padEnd(stageColumn)}${headOf(trial)}`,
    ...remarks.flatMap((remark) => indented(remark, width)),
  ];
}

export function doctorText(report: DoctorReport, options: { verbose: boolean; width: number }): string {
  const { features, machine, trials, unbuilt } = report;
  const { verbose, width } = options;
  const later = `not built yet in this version: ${unbuilt.map(({ stage }) => stage).join(', ')}`;
  const lines = [
    `Kernel ${features.release}`,
    ...factLines(kernelFacts(features, machine), width),
    '',
    'Rights',
    ...factLines(rightsFacts(features, machine), width),
    '',
    'Settings',
    ...factLines(settingsFacts(machine), width),
    '',
    'Stages, in path order: what watches each, and what keeps better ways from it (all of it tried)',
    ...trials.flatMap((trial) => stageLines(trial, verbose, width)),
    ...(unbuilt.length ? wrapText(later, width - 2).map((line) => `  ${line}`) : []),
    '',
    ...wrapText(verdictOf(report).text, width),
  ];
  return `${lines.join('\n')}\n`;
}

export function doctorJson(report: DoctorReport): Record<string, unknown> {
  const { features, machine, trials, unbuilt } = report;
  return {
    type: 'doctor',
    schema: 1,
    kernel: features.release,
    features,
    machine,
    missingCapabilities: missingRights(features, machine).map(([name, purpose]) => ({ name, purpose })),
    stages: [
      ...trials.map(({ watch, function: where, onlyWithArm, below }) => ({
        ...watch,
        ...(where !== undefined && { function: where }),
        ...(onlyWithArm && { onlyWithArm }),
        ...(below.length && { below }),
      })),
      ...unbuilt,
    ],
    verdict: verdictOf(report),
  };
}
