/** A comparison as one JSON object. */
import type { ComparisonResult } from '../compare/result.js';
import type { ComparisonLine } from '../lines/reports.js';
import type { StageWatch } from '../stages/report.js';

export function comparisonJson(
  result: ComparisonResult,
  notWatched: readonly Pick<StageWatch, 'stage' | 'reason'>[],
): ComparisonLine {
  return { type: 'comparison', ...result, notWatched };
}
