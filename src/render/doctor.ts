/** The doctor's report as text and as JSON: the kernel, the rights, the settings, then every stage. */
import type { KernelFeatures } from '../attach/features.js';
import type { Attachment } from '../attach/plan.js';
import type { RungTrial, StageTrial } from '../attach/try.js';
import type { DoctorLine } from '../lines/reports.js';
import type { PassedOver } from '../stages/report.js';
import type { Machine } from '../system/machine.js';
import { type Fact, kernelFacts, missingRights, rightsFacts, settingsFacts } from './doctor-facts.js';
import { wrapText } from './text-layout.js';

export interface DoctorReport {
  readonly features: KernelFeatures;
  readonly machine: Machine;
  /** Of every stage, in path order. */
  readonly trials: readonly StageTrial[];
}

export interface Verdict {
  /** `arm`: only, or as asked, by a packet socket of ours. */
  readonly taps: 'passive' | 'arm' | 'none';
  readonly text: string;
}

/** Reasons of several rungs or stages, each said once. */
const distinct = (trials: readonly StageTrial[]): string[] => [
  ...new Set(
    trials.flatMap(({ watch }) =>
      watch.passedOver.length ? watch.passedOver.map(({ reason }) => reason) : [watch.reason],
    ),
  ),
];

const namesOf = (trials: readonly StageTrial[]): string => trials.map(({ stage }) => stage.id).join(' and ');

/** Why taps cannot be watched; what is missing of the rights comes before what is missing of the kernel. */
function whyNone(failed: readonly StageTrial[], { features, machine }: DoctorReport): string {
  const lacking = missingRights(features, machine).flatMap(([name]) =>
    ['CAP_BPF', 'CAP_PERFMON'].includes(name) ? [name] : [],
  );
  const names = namesOf(failed);
  if (lacking.length)
    return `${names} cannot be watched without ${lacking.join(' and ')}: run it as root, or give node these capabilities.`;
  return `${names} cannot be watched here: ${distinct(failed).join('; ')}.`;
}

/** Whether both taps can be watched, and why not. */
export function verdictOf(report: DoctorReport): Verdict {
  const taps = report.trials.filter(({ stage }) => stage.group === 'taps');
  const failed = taps.filter(({ watch }) => !watch.mechanism);
  const armed = taps.filter(({ onlyWithArm }) => onlyWithArm);
  if (failed.length) return { taps: 'none', text: whyNone(failed, report) };
  if (armed.length)
    return { taps: 'arm', text: `Both taps can be watched here, ${namesOf(armed)} only with --arm.` };
  if (taps.some(({ watch }) => watch.observed === false))
    return { taps: 'arm', text: 'Both taps can be watched here, by the packet sockets of --arm.' };
  return { taps: 'passive', text: 'Both taps can be watched here, without a probe that others could see.' };
}

const labelColumn = 21;
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

/** A bug report says whether addresses are known, and keeps them to itself. */
function withoutAddresses({ directMap, ...others }: KernelFeatures): DoctorLine['features'] {
  const { vmemmap_base, page_offset_base } = directMap;
  return {
    ...others,
    directMap: { vmemmap_base: vmemmap_base !== 0n, page_offset_base: page_offset_base !== 0n },
  };
}

/** The mechanism and what it hangs on: the very symbol, where that has a suffix. */
function howText({
  mechanism,
  target,
  function: where,
}: Pick<Attachment, 'mechanism' | 'target'> & { readonly function?: string }): string {
  if (mechanism === 'inferred' || mechanism === 'counted') return `${mechanism} from ${target}`;
  return `${mechanism} ${where?.startsWith(`${target}.`) ? where : target}`;
}

function headOf({ watch, attachments }: StageTrial): string {
  const [first, ...others] = attachments.filter(({ complement }) => !complement);
  const { mechanism, target = '', observed } = watch;
  if (!mechanism) return 'cannot be watched';
  const one = howText({ mechanism, target, ...(first && { function: first.function }) });
  const how = [one, ...others.map(({ function: name }) => name)].join(', ');
  return `${how}: ${observed ? 'observed' : 'a probe of ours'}`;
}

function stageLines(trial: StageTrial, verbose: boolean, width: number): string[] {
  const { stage, watch, attachments, onlyWithArm, below } = trial;
  const [first] = attachments;
  const complement = attachments.find((one) => one.complement);
  const reasons = distinct([trial]);
  const isOne = !watch.mechanism && reasons.length === 1;
  const remarks = [
    ...(complement ? [`and ${howText(complement)}, for packets that this does not see`] : []),
    ...(isOne ? reasons : []),
    ...(watch.mechanism && (verbose || onlyWithArm || first?.seesBytes === false) ? [watch.reason] : []),
    ...(isOne ? [] : watch.passedOver.map(passedOverText)),
    ...below.map(belowText),
  ];
  return [
    `  ${stage.id.padEnd(stageColumn)}${headOf(trial)}`,
    ...remarks.flatMap((remark) => indented(remark, width)),
  ];
}

export function doctorText(report: DoctorReport, options: { verbose: boolean; width: number }): string {
  const { features, machine, trials } = report;
  const { verbose, width } = options;
  const lines = [
    `Kernel ${features.release}`,
    ...factLines(kernelFacts(features, machine), width),
    '',
    'Rights',
    ...factLines(rightsFacts(features, machine), width),
    '',
    'Settings',
    ...factLines(settingsFacts(features, machine), width),
    '',
    'Stages, in path order: what watches each (tried, not guessed), and what keeps better ways from it',
    ...trials.flatMap((trial) => stageLines(trial, verbose, width)),
    '',
    ...wrapText(verdictOf(report).text, width),
  ];
  return `${lines.join('\n')}\n`;
}

export function doctorJson(report: DoctorReport): DoctorLine {
  const { features, machine, trials } = report;
  return {
    type: 'doctor',
    schema: 1,
    kernel: features.release,
    features: withoutAddresses(features),
    machine,
    missingCapabilities: missingRights(features, machine).map(([name, purpose]) => ({ name, purpose })),
    stages: trials.map(({ watch, attachments: [first], onlyWithArm, below }) => ({
      ...watch,
      ...(first && { function: first.function }),
      ...(onlyWithArm && { onlyWithArm }),
      ...(below.length && { below }),
    })),
    verdict: verdictOf(report),
  };
}
