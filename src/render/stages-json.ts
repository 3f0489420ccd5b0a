/** The map of stages as one JSON object: what `taptrace stages --json` prints. */
import type { StageChoice, StagesLine } from '../lines/reports.js';
import type { StagesReport, StageWatch } from '../stages/report.js';

export function stagesJson(report: StagesReport): StagesLine {
  return {
    type: 'stages',
    schema: 1,
    kernel: report.kernel,
    stages: report.stages.map(({ stage, watch }) => ({ ...stage, watch: watchJson(watch) })),
  };
}

function watchJson({ mechanism, target, observed, reason, passedOver }: StageWatch): StageChoice {
  if (mechanism === undefined) return { unavailable: reason, passedOver };
  const known = { ...(target !== undefined && { target }), ...(observed !== undefined && { observed }) };
  return { mechanism, ...known, reason, passedOver };
}
