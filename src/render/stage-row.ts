/** The cells of one stage in the map: title and functions on the left, how it is watched on the right. */
import type { StageWatch } from '../stages/report.js';
import type { Stage } from '../stages/types.js';
import { watchPhrase } from './stage-marks.js';
import { clipLines, fitList, wrapText } from './text-layout.js';

/** A piece of a line, padded to its column; the role decides the colour. */
export interface CellLine {
  readonly role: 'title' | 'functions' | 'watch' | 'none';
  readonly text: string;
}

const gap = 2;
/** Below this the titles would wrap beside a second column. */
const twoColumns = 78;
const watchShare = 0.42;

export function stageCells(stage: Stage, watch: StageWatch, width: number): CellLine[][] {
  return width < twoColumns ? stacked(stage, watch, width) : sideBySide(stage, watch, width);
}

function sideBySide(stage: Stage, watch: StageWatch, width: number): CellLine[][] {
  const right = Math.floor(width * watchShare);
  const left = width - gap - right;
  const titles = wrapText(stage.title, left).map((text) => ({ role: 'title', text }) as const);
  const leftCells: CellLine[] = [...titles, { role: 'functions', text: fitList(stage.functions, left) }];
  const rightCells = clipLines(wrapText(watchPhrase(watch), right), 2, right);
  return Array.from({ length: Math.max(leftCells.length, rightCells.length) }, (_, row) => {
    const { role, text } = leftCells[row] ?? ({ role: 'none', text: '' } as const);
    return [
      { role, text: text.padEnd(left + gap) },
      { role: 'watch', text: rightCells[row] ?? '' },
    ];
  });
}

function stacked(stage: Stage, watch: StageWatch, width: number): CellLine[][] {
  const titles: CellLine[][] = wrapText(stage.title, width).map((text) => [{ role: 'title', text }]);
  const phrase = `here: ${watchPhrase(watch)}`;
  const functions = fitList(stage.functions, Math.max(width - phrase.length - gap, 0));
  if (functions.length + gap + phrase.length <= width) {
    return [
      ...titles,
      [
        { role: 'functions', text: `${functions}${' '.repeat(gap)}` },
        { role: 'watch', text: phrase },
      ],
    ];
  }
  const watchLines: CellLine[][] = clipLines(wrapText(phrase, width), 2, width).map((text) => {
    return [{ role: 'watch', text }];
  });
  return [...titles, [{ role: 'functions', text: fitList(stage.functions, width) }], ...watchLines];
}
