/** A comparison as one JSON object. */
import type { ComparisonResult } from '../compare/result.js';
import type { StageWatch } from '../stages/report.js';

export function comparisonJson(
  result: ComparisonResult,
  notWatched: readonly Pick<StageWatch, 'stage' | 'reason'>[],
): Record<string, unknown> {
  return { type: 'comparison', ...result, notWatched };
}
