/** A comparison as text and as JSON. */
import type { ComparisonResult } from '../compare/comparison.js';

export function comparisonJson(result: ComparisonResult): Record<string, unknown> {
  return { type: 'comparison', ...result, findings: [] };
}

export function comparisonLines({ stages }: ComparisonResult): string[] {
  return stages.map(({ stage, packets, bytes }) => `${stage}: ${packets} packets, ${bytes} bytes`);
}
