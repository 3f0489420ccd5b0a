/** Stages without events, of which the kernel or a driver keeps totals that are told at the end. */
import type { StageWatch } from '../stages/report.js';
import type { Mechanism, Stage, StageId } from '../stages/types.js';

/** The watch of such a stage, where no program can be had. */
export function countedWatch(
  watch: StageWatch,
  stage: Stage,
  mechanisms: ReadonlyMap<StageId, Mechanism>,
): StageWatch {
  const forced = mechanisms.get(stage.id);
  const rung = stage.ladder.find(({ mechanism }) => mechanism === 'counted');
  if (!rung || watch.mechanism || (forced && forced !== 'counted')) return watch;
  const { mechanism, target, remark } = rung;
  return {
    stage: stage.id,
    mechanism,
    target,
    observed: true,
    reason: remark!,
    passedOver: watch.passedOver,
  };
}
