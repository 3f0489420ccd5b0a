/** docs/kernels.md: which mechanism watches each stage on each kernel, as the guests of the lab found it. */
import { type KernelName, kernelNames } from './kernels.js';
import { type Lockdown, lockdownModes } from './situations.js';

/** What doctor chose in one guest. */
export interface Choice {
  /** As `uname -r` says it. */
  readonly release: string;
  /** By stage id, in path order; null: not watched. */
  readonly mechanisms: Readonly<Record<string, string | null>>;
}

export interface Found {
  readonly kernel: KernelName;
  readonly lockdown: Lockdown;
  readonly choice: Choice;
}

const introduction = `# Kernels

Which mechanism watches each stage on the kernels of the lab (test/kernels), as \`taptrace doctor\` found it in guests by
loading and attaching. One build of the programs and the addon serves all of them. This page is written by the lab
("make kernels-doc"), and its full run fails when the page no longer says what it finds.

In each guest both taps are compared with tcpdump over the same traffic: bytes, lengths, order and counts, by the
mechanisms below, but under lockdown=integrity by every other rung that works there (\`--mechanism\`) too, and with
\`--arm\`, which watches both taps by packet sockets on every kernel and in every lockdown mode, packet bytes included. "no bytes" marks what lockdown leaves
to passive programs on kernels before 6.12: packets with their lengths and metadata, not their bytes.
`;

const titles: Readonly<Record<Lockdown, string>> = {
  none: 'No lockdown',
  integrity: 'lockdown=integrity',
  confidentiality: 'lockdown=confidentiality',
};

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

/** The page. Stages that no kernel watches are named at its end. */
export function kernelsPage(found: readonly Found[]): string {
  const kernels = kernelNames.filter((name) => found.some(({ kernel }) => kernel === name));
  const at = (kernel: KernelName, lockdown: Lockdown) =>
    found.find((one) => one.kernel === kernel && one.lockdown === lockdown)?.choice;
  const stages = Object.keys(found[0]?.choice.mechanisms ?? {});
  const isWatched = (stage: string) => found.some(({ choice }) => choice.mechanisms[stage]);
  const watched = stages.filter(isWatched);
  const releases = kernels.map((kernel) => [kernel, at(kernel, 'none')?.release ?? '']);
  const sections = lockdownModes.map((lockdown) => {
    const cellOf = (stage: string) => (kernel: KernelName) => at(kernel, lockdown)?.mechanisms[stage] ?? '–';
    const rows = watched.map((stage) => [stage, ...kernels.map(cellOf(stage))]);
    return `## ${titles[lockdown]}\n\n${table(['stage', ...kernels], rows)}\n`;
  });
  const unwatched = stages.filter((stage) => !isWatched(stage)).join(', ');
  return [
    introduction,
    `${table(['kernel', 'release'], releases)}\n`,
    ...sections,
    ...(unwatched ? [`Not watched in this version: ${unwatched}.\n`] : []),
  ].join('\n');
}

/** The mechanisms that a page gives for one guest, by stage; only stages that it has a row for. */
export function mechanismsOnPage(
  page: string,
  { kernel, lockdown }: Pick<Found, 'kernel' | 'lockdown'>,
): Record<string, string | null> {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${titles[lockdown]}\n`)) ?? '';
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '));
  const column = rows[0]?.indexOf(kernel) ?? -1;
  const cells = rows.slice(2).map((cells) => [cells[0]!, cells[column] === '–' ? null : cells[column]!]);
  return Object.fromEntries(cells) as Record<string, string | null>;
}
