/** Stages that nothing watches, but that a packet has passed when it is seen at a later one. */
import type { StageWatch } from '../stages/report.js';
import type { Mechanism, Rung, Stage, StageId } from '../stages/types.js';

/** The rung of a stage that needs no program; undefined where it has none or the user wants another mechanism. */
export function inferredRung(stage: Stage, mechanisms: ReadonlyMap<StageId, Mechanism>): Rung | undefined {
  const forced = mechanisms.get(stage.id);
  return stage.ladder.find((rung) => rung.provedBy && (!forced || forced === rung.mechanism));
}

/** The watch of such a stage, where `isWatched` finds one that proves it. */
export function inferredWatch(
  watch: StageWatch,
  rung: Rung | undefined,
  isWatched: (stage: StageId) => boolean,
): StageWatch {
  const provers = rung?.provedBy?.filter(isWatched) ?? [];
  if (!rung || watch.mechanism || provers.length === 0) return watch;
  return {
    stage: watch.stage,
    mechanism: rung.mechanism,
    target: provers.join(', '),
    provedBy: provers,
    observed: true,
    reason: rung.remark!,
    passedOver: watch.passedOver,
  };
}

/** The watches of a plan, inferred ones included. Only stages with a program of their own prove others. */
export function withInferred(
  watches: readonly StageWatch[],
  request: { readonly stages: readonly Stage[]; readonly mechanisms: ReadonlyMap<StageId, Mechanism> },
): StageWatch[] {
  const watched = new Set(watches.filter(({ mechanism }) => mechanism).map(({ stage }) => stage));
  return watches.map((watch, index) =>
    inferredWatch(watch, inferredRung(request.stages[index]!, request.mechanisms), (id) => watched.has(id)),
  );
}
