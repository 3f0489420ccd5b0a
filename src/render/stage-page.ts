/** One stage in full: its place on the path, what is seen there, and every way to watch it. */
import type { Colors } from 'picocolors/types.js';
import type { StagesReport, StageWatch } from '../stages/report.js';
import { targetsOf } from '../stages/rungs.js';
import { sections } from '../stages/sections.js';
import type { Rung, Stage } from '../stages/types.js';
import { firstOf, marks, paintWatch, watchKind, watchPhrase } from './stage-marks.js';
import { wrapText } from './text-layout.js';

export interface PageLayout {
  readonly colours: Colors;
  readonly width: number;
}

const labelColumn = 12;

export function renderStagePage(
  { stage, watch }: StagesReport['stages'][number],
  kernel: string,
  layout: PageLayout,
): string {
  const { colours, width } = layout;
  const rule = stage.group === 'taps' ? colours.magenta('━'.repeat(width)) : colours.dim('─'.repeat(width));
  const lines = [
    rule,
    `${colours.bold(stage.id)}  ${stage.title}`,
    colours.dim(identity(stage)),
    '',
    ...paragraph('Functions', functionsText(stage), layout),
    ...paragraph('Source', stage.source, layout),
    '',
    ...pathLines(stage, watch, layout),
    '',
    ...paragraph('Sees', stage.sees, layout),
    ...paragraph('Misses', stage.misses, layout),
    '',
    ...watchLines(watch, kernel, layout),
    '',
    ...ladderLines(stage, watch, layout),
  ];
  return `${lines.join('\n')}\n`;
}

function identity(stage: Stage): string {
  const section = sections.find(({ steps }) => steps.some((step) => step.stage === stage.id));
  const place = section === undefined ? [] : [section.title.toLowerCase()];
  const layer = stage.layer === 'end' ? [] : [`${stage.layer} layer`];
  const groups = [
    ...(stage.group === undefined ? [] : [stage.group]),
    ...(stage.inPath ? ['path'] : []),
    'all',
  ];
  const membership = `${groups.length > 1 ? 'groups' : 'group'} ${groups.join(', ')}`;
  return [`stage ${stage.number}`, ...place, ...layer, membership].join(' · ');
}

function functionsText(stage: Stage): string {
  const inside = stage.tracepointInside;
  const elsewhere =
    inside === undefined || stage.functions.includes(inside) ? '' : ` (the tracepoint is inside ${inside})`;
  return `${stage.functions.join(', ')}${elsewhere}`;
}

function paragraph(label: string, text: string, { colours, width }: PageLayout): string[] {
  return wrapText(text, width - labelColumn).map((line, row) => {
    return `${colours.bold((row === 0 ? label : '').padEnd(labelColumn))}${line}`;
  });
}

function pathLines(stage: Stage, watch: StageWatch, layout: PageLayout): string[] {
  const { colours, width } = layout;
  const kind = watchKind(watch);
  const step = (text: string) =>
    wrapText(text, width - labelColumn - 2).map((line) => `${colours.dim('│')} ${colours.dim(line)}`);
  const here = `${paintWatch(colours, kind)(marks[kind].mark)} ${colours.bold(stage.id)}`;
  const lines = [...stage.before.flatMap(step), here, ...stage.after.flatMap(step)];
  return lines.map((line, row) => `${colours.bold((row === 0 ? 'Path' : '').padEnd(labelColumn))}${line}`);
}

function watchLines(watch: StageWatch, kernel: string, layout: PageLayout): string[] {
  const kind = watchKind(watch);
  const { legend } = marks[kind];
  const phrase = watchPhrase(watch);
  const how = {
    none: legend,
    inferred: phrase,
    passive: `${phrase}, ${legend}`,
    probe: `${phrase}, ${legend}`,
  }[kind];
  return [...paragraph('Here', `${how} (kernel ${kernel})`, layout), ...paragraph('', watch.reason, layout)];
}

/** The rungs from best to fallback, each with what speaks against it in general and on this kernel. */
function ladderLines(stage: Stage, watch: StageWatch, layout: PageLayout): string[] {
  const { colours, width } = layout;
  const refusals = [...watch.passedOver];
  const refusalOf = (rung: Rung) => {
    const at = refusals.findIndex(({ mechanism }) => mechanism === rung.mechanism);
    return at < 0 ? undefined : refusals.splice(at, 1)[0]?.reason;
  };
  let chosen = false;
  const lines = stage.ladder.flatMap((rung, index) => {
    const taken = !chosen && rung.mechanism === watch.mechanism && sameTarget(rung, watch);
    chosen ||= taken;
    const refusal = taken ? undefined : refusalOf(rung);
    const state = taken ? marks[watchKind(watch)].mark : ' ';
    const [first, ...more] = wrapText(rungName(rung), width - labelColumn - 6);
    const names = [`${index + 1} ${state} ${first}`, ...more.map((line) => `      ${line}`)];
    const notes = [rung.remark, refusal === undefined ? undefined : `Here: ${refusal}`];
    const details = notes.flatMap((note) =>
      note === undefined ? [] : wrapText(note, width - labelColumn - 6),
    );
    return [
      ...names.map((name) => (taken ? colours.bold(name) : name)),
      ...details.map((line) => `      ${colours.dim(line)}`),
    ];
  });
  return lines.map((line, row) => `${colours.bold((row === 0 ? 'Ladder' : '').padEnd(labelColumn))}${line}`);
}

function rungName(rung: Rung): string {
  const { mechanism, target } = rung;
  return target.includes(' ') ? `${mechanism}: ${target}` : `${mechanism} ${firstOf(targetsOf(rung))}`;
}

/** The plan names the symbol it found, which may carry a suffix such as .constprop.0. */
function sameTarget(rung: Rung, watch: StageWatch): boolean {
  const { target: watched } = watch;
  return (
    watched === undefined ||
    targetsOf(rung).some((target) => watched === target || watched.startsWith(`${target}.`))
  );
}
