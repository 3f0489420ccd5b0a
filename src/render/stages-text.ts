/** The map of stages as text: what `taptrace stages` prints. */
import pc from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import type { PathStep } from '../stages/path.js';
import type { StagesReport } from '../stages/report.js';
import { type Section, sections } from '../stages/sections.js';
import type { StageId } from '../stages/types.js';
import { marks, paintWatch, type WatchKind, watchKind } from './stage-marks.js';
import { renderStagePage } from './stage-page.js';
import { type CellLine, stageCells } from './stage-row.js';
import { clipLines, wrapText } from './text-layout.js';

export interface StagesTextOptions {
  readonly colour: boolean;
  readonly width: number;
  /** The page of every stage instead of the map. */
  readonly verbose: boolean;
  /** The pages of these stages only. */
  readonly only?: readonly StageId[];
}

type Entry = StagesReport['stages'][number];

interface Canvas {
  readonly colours: Colors;
  readonly width: number;
}

const stepColumn = 5;
const titleColumn = 20;
const narrowest = 72;
const widest = 110;

export function renderStages(map: StagesReport, options: StagesTextOptions): string {
  const width = Math.min(Math.max(options.width, narrowest), widest);
  const canvas: Canvas = { colours: pc.createColors(options.colour), width };
  const { only } = options;
  if (only !== undefined || options.verbose) {
    const chosen = map.stages.filter(({ stage }) => only === undefined || only.includes(stage.id));
    return chosen.map((entry) => renderStagePage(entry, map.kernel, canvas)).join('\n');
  }
  return `${[...header(map, canvas), ...body(map, canvas), ...footer(map, canvas)].join('\n')}\n`;
}

function header(map: StagesReport, { colours }: Canvas): string[] {
  return [
    colours.bold(`The path of a packet through Linux ${map.kernel}`),
    colours.dim('from top to bottom, each stage with the way it is watched on this kernel'),
  ];
}

function body(map: StagesReport, canvas: Canvas): string[] {
  const { colours } = canvas;
  const entries = new Map(map.stages.map((entry) => [entry.stage.id, entry]));
  return sections.flatMap((section) => [
    '',
    `${colours.bold(section.title.toUpperCase())}  ${colours.dim(section.caption)}`,
    ...section.steps.flatMap((step, at) => {
      const next = section.steps[at + 1];
      if (step.stage === undefined)
        return banded([stepLine(step, next, section, canvas)], step, next, canvas);
      const entry = entries.get(step.stage);
      return entry === undefined ? [] : banded(stageLines(entry, section, canvas), step, next, canvas);
    }),
  ]);
}

/** Rules above a tap and below it, with the steps inside its function between them. */
function banded(
  lines: readonly string[],
  step: PathStep,
  next: PathStep | undefined,
  { colours, width }: Canvas,
): string[] {
  const rule = colours.magenta(`━┿${'━'.repeat(width - 2)}`);
  const isTap = (id: StageId | undefined) => id === 'rx-tap' || id === 'tx-tap';
  const opens = isTap(step.stage);
  const closes = isTap(step.stage ?? step.inside) && next?.inside === undefined;
  return [...(opens ? [rule] : []), ...lines, ...(closes ? [rule] : [])];
}

function stepLine(step: PathStep, next: PathStep | undefined, section: Section, canvas: Canvas): string {
  const last = next === undefined && section.ordered;
  const space = canvas.width - stepColumn;
  const [line = ''] = clipLines(wrapText(step.text, space), 1, space);
  return ` ${rail(step, last)} ${canvas.colours.dim(line)}`;
}

function rail(step: PathStep, last: boolean): string {
  if (step.junction === 'join') return '├◀─';
  if (step.junction === 'branch') return last ? '└─▶' : '├─▶';
  return last ? '▼  ' : '│  ';
}

function stageLines({ stage, watch }: Entry, section: Section, { colours, width }: Canvas): string[] {
  const kind = watchKind(watch);
  const isTap = stage.group === 'taps';
  const plain = (text: string) => text;
  const paint: Record<CellLine['role'], (text: string) => string> = {
    title: isTap ? colours.bold : plain,
    functions: colours.dim,
    watch: paintWatch(colours, kind),
    none: plain,
  };
  const paintId = (text: string) => (isTap ? colours.bold(colours.magenta(text)) : colours.bold(text));
  return stageCells(stage, watch, width - titleColumn).map((cells, row) => {
    const lead = row === 0 ? paint.watch(marks[kind].mark) : section.ordered ? '│' : ' ';
    const id = row === 0 ? paintId(stage.id.padEnd(titleColumn - 4)) : ' '.repeat(titleColumn - 4);
    return ` ${lead}  ${id}${cells.map(({ role, text }) => paint[role](text)).join('')}`.trimEnd();
  });
}

function footer(map: StagesReport, { colours, width }: Canvas): string[] {
  const kinds = Object.keys(marks) as WatchKind[];
  const legend = kinds
    .map((kind) => ({ kind, count: map.stages.filter(({ watch }) => watchKind(watch) === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => {
      const mark = paintWatch(colours, kind)(marks[kind].mark);
      return ` ${mark}  ${String(count).padStart(2)} ${marks[kind].legend}`;
    });
  const more =
    'taptrace stages <stage> tells all about one stage: what lies around it, what a tool there sees and misses. -v: all stages.';
  return ['', ...legend, '', ...wrapText(more, width).map((line) => colours.dim(line))];
}
