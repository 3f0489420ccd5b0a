/** docs/kernels.md: written from what guests found, and compared with it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestReport } from './guest-tests.js';
import { kernelNames } from './kernels.js';
import {
  changedRows,
  type FoundMechanisms,
  type MechanismTable,
  mechanismTable,
  parseTable,
  tableMarkdown,
} from './mechanisms.js';
import { projectRoot } from './paths.js';
import { type Lockdown, lockdownModes } from './situations.js';

const path = join(projectRoot, 'docs/kernels.md');

/** By lockdown mode, then by kernel. */
export type Found = ReadonlyMap<Lockdown, ReadonlyMap<string, FoundMechanisms>>;

/** What guests brought back; those that brought nothing are left out. */
export function foundIn(reports: readonly GuestReport[]): Found {
  const inMode = (mode: Lockdown) =>
    kernelNames.flatMap((kernel) => {
      const report = reports.find(
        ({ situation }) => situation.kernel === kernel && situation.lockdown === mode,
      );
      const found = report?.facts.get('mechanisms') as FoundMechanisms | undefined;
      return found ? [[kernel, found] as const] : [];
    });
  return new Map(lockdownModes.map((mode) => [mode, new Map(inMode(mode))]));
}

const introduction = `# Kernels

<!-- Written by \`make kernels-doc\` from what each kernel's \`taptrace doctor\` says. Do not edit: the full kernel tests compare. -->

One build of taptrace runs on all of these kernels. How it watches a stage depends on what the kernel offers: it takes
the best way that the kernel loads and attaches, and falls back to the next one where it does not. \`taptrace doctor\`
shows the same for the kernel you run, with the reasons. The ways are explained in [stages.md](stages.md). A dash
means that this version cannot watch the stage there.

The kernels are Debian's cloud kernels, each the newest build of its suite at the time of the last run of the kernel
lab ([test/kernels](../test/kernels/README.md)):
`;

const headings: Readonly<Record<Lockdown, string>> = {
  none: '## Without lockdown',
  integrity: '## lockdown=integrity',
  confidentiality: '## lockdown=confidentiality',
};

const aboutModes: Readonly<Record<Lockdown, string>> = {
  none: 'Nothing taps the devices, and `--arm` was not given.',
  integrity: 'The mode that Secure Boot sets on most distributions.',
  confidentiality:
    'No program may read kernel memory by its address, so kprobes see nothing of a packet. Where the table says so, other ' +
    'programs take their place. On 5.10 and 6.1 the taps then show packets without their bytes, except with `--arm`: a ' +
    "packet socket's filter may read its packet everywhere.",
};

function section(mode: Lockdown, table: MechanismTable, normal: MechanismTable): string {
  const changed = mode === 'none' ? table : changedRows(table, normal);
  const rows = changed.size > 0 ? tableMarkdown(changed) : 'Every stage is watched as without lockdown.';
  const only = mode === 'none' || changed.size === 0 ? '' : ' These stages are watched in another way:';
  return `${headings[mode]}\n\n${aboutModes[mode]}${only}\n\n${rows}\n`;
}

/** Writes the page. */
export function writePage(found: Found): void {
  const releases = [...(found.get('none') ?? [])].map(
    ([kernel, { release }]) => `- ${kernel}: \`${release}\``,
  );
  const tables = new Map([...found].map(([mode, kernels]) => [mode, mechanismTable(kernels)]));
  const normal = tables.get('none')!;
  const sections = [...tables].map(([mode, table]) => section(mode, table, normal));
  writeFileSync(path, [introduction, `${releases.join('\n')}\n`, ...sections].join('\n'));
}

/** The mechanisms that the page names for a kernel in a mode, by stage; undefined where it has no such column. */
function committed(page: string, mode: Lockdown, kernel: string): Record<string, string> | undefined {
  const tableOf = (of: Lockdown) => {
    const [, from = ''] = page.split(`${headings[of]}\n`);
    return parseTable(from.split('\n## ')[0]!);
  };
  const rows = new Map([...tableOf('none'), ...tableOf(mode)]);
  const cells = [...rows].flatMap(([stage, row]) => [...row].map((cell) => [stage, ...cell] as const));
  const column = cells.filter(([, of]) => of === kernel).map(([stage, , cell]) => [stage, cell] as const);
  return column.length > 0 ? Object.fromEntries(column) : undefined;
}

/** Both sides of the comparison, for every kernel and mode that was run. Releases may differ. */
export function pageAndFound(found: Found): { page: object; found: object } {
  const text = readFileSync(path, 'utf8');
  const columns = [...found].flatMap(([mode, kernels]) =>
    [...kernels.keys()].map((kernel) => {
      const table = mechanismTable(new Map([[kernel, kernels.get(kernel)!]]));
      const seen = Object.fromEntries([...table].map(([stage, row]) => [stage, row.get(kernel)]));
      return { name: `${kernel}, lockdown ${mode}`, page: committed(text, mode, kernel), seen };
    }),
  );
  return {
    page: Object.fromEntries(columns.map(({ name, page }) => [name, page])),
    found: Object.fromEntries(columns.map(({ name, seen }) => [name, seen])),
  };
}
