/** The map of stages as one JSON object: what `taptrace stages --json` prints. */
import type { StagesReport, StageWatch } from '../stages/report.js';
import type { Mechanism, Stage } from '../stages/types.js';

type WatchJson = (
  | {
      readonly mechanism: Mechanism;
      readonly target?: string;
      readonly observed?: boolean;
      readonly reason: string;
    }
  | { readonly unavailable: string }
) & { readonly passedOver: StageWatch['passedOver'] };

export interface StagesJson {
  readonly type: 'stages';
  readonly schema: 1;
  readonly kernel: string;
  readonly stages: readonly (Stage & { readonly watch: WatchJson })[];
}

export function stagesJson(report: StagesReport): StagesJson {
  return {
    type: 'stages',
    schema: 1,
    kernel: report.kernel,
    stages: report.stages.map(({ stage, watch }) => ({ ...stage, watch: watchJson(watch) })),
  };
}

function watchJson({ mechanism, target, observed, reason, passedOver }: StageWatch): WatchJson {
  if (mechanism === undefined) return { unavailable: reason, passedOver };
  const known = { ...(target !== undefined && { target }), ...(observed !== undefined && { observed }) };
  return { mechanism, ...known, reason, passedOver };
}
