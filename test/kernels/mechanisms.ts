/** Which mechanism each kernel has for each stage, as docs/kernels.md shows it and as guests find it. */

/** What one guest found. */
export interface FoundMechanisms {
  /** As `uname -r` says it. */
  readonly release: string;
  /** By stage; null where there is none. */
  readonly mechanisms: Readonly<Record<string, string | null>>;
}

/** A row a stage, a column a kernel. */
export type MechanismTable = ReadonlyMap<string, ReadonlyMap<string, string>>;

const none = '-';

/** Turns what kernels found, by kernel name, into rows. */
export function mechanismTable(found: ReadonlyMap<string, FoundMechanisms>): MechanismTable {
  const stages = [...new Set([...found.values()].flatMap(({ mechanisms }) => Object.keys(mechanisms)))];
  const row = (stage: string) =>
    new Map([...found].map(([kernel, { mechanisms }]) => [kernel, mechanisms[stage] ?? none]));
  return new Map(stages.map((stage) => [stage, row(stage)]));
}

/** The rows of a table that differ from another's of the same kernels. */
export function changedRows(table: MechanismTable, from: MechanismTable): MechanismTable {
  return new Map(
    [...table].filter(([stage, row]) =>
      [...row].some(([kernel, mechanism]) => mechanism !== from.get(stage)?.get(kernel)),
    ),
  );
}

/** Writes a table as Markdown. */
export function tableMarkdown(table: MechanismTable): string {
  const kernels = [...(table.values().next().value?.keys() ?? [])];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rows = [...table].map(([stage, row]) => line([`\`${stage}\``, ...row.values()]));
  return [line(['stage', ...kernels]), line(['---', ...kernels.map(() => '---')]), ...rows].join('\n');
}

/** Reads the first table of a Markdown text; empty if there is none. */
export function parseTable(markdown: string): MechanismTable {
  const cellsOf = (line: string) => line.split('|').slice(1, -1);
  const [head = [], , ...rows] = markdown
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => cellsOf(line).map((cell) => cell.trim().replaceAll('`', '')));
  const kernels = head.slice(1);
  return new Map(
    rows.map(([stage = '', ...cells]) => [
      stage,
      new Map(kernels.map((kernel, at) => [kernel, cells[at] ?? none])),
    ]),
  );
}
