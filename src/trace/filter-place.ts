/** Where the filter of a trace decides, and where it cannot: told before the first event. */
import type { AttachPlan } from '../attach/plan.js';
import { stageById } from '../stages/lookup.js';
import type { StageId } from '../stages/types.js';

/** Where a filter runs. */
export type FilterPlace = 'kernel' | 'user';

export interface FilterPlaces {
  /** One place, or each stage's own where they differ. */
  readonly places: FilterPlace | Readonly<Partial<Record<StageId, FilterPlace>>>;
  /** For the user; empty where all is as it should be. */
  readonly notes: readonly string[];
}

/** FRAME_AT_NETWORK of bpf/maps.h: such programs are handed packets without their link header. */
const atNetwork = 3;

function stagesOf({ attachments }: AttachPlan): StageId[] {
  return [...new Set(attachments.map(({ stage }) => stage))];
}

/** `unfiltered`: stages whose packets the kernel does not filter, and why. */
export function filterPlaces(plan: AttachPlan, unfiltered: ReadonlyMap<StageId, string>): FilterPlaces {
  const stages = stagesOf(plan);
  const inUser = stages.filter((stage) => unfiltered.has(stage));
  if (inUser.length === 0) return { places: 'kernel', notes: [] };
  const all = inUser.length === stages.length;
  const where = all ? 'everywhere' : `at ${inUser.join(', ')}`;
  const reasons = [...new Set(inUser.map((stage) => unfiltered.get(stage)))];
  return {
    places: all
      ? 'user'
      : Object.fromEntries(stages.map((stage) => [stage, unfiltered.has(stage) ? 'user' : 'kernel'])),
    notes: [`the filter runs in user space ${where}: ${reasons.join('; ')}`],
  };
}

/** Stages where no packet has a link header: none is written yet, or the program is not shown it. */
export function stagesWithoutLinkHeader({ attachments }: AttachPlan): StageId[] {
  const stages = attachments.flatMap(({ stage, program, mechanism }) => {
    const { layer, direction } = stageById(stage);
    const unwritten = layer === 'network' && direction === 'tx' && stage !== 'nf-postrouting';
    const isUnseen = mechanism === 'netfilter' || program?.constants.frame_start === atNetwork;
    return unwritten || isUnseen ? [stage] : [];
  });
  return [...new Set(stages)];
}

/** Where a filter that asks for a link header decides nothing. `followed`: packets are followed by identity. */
export function undecidableNotes(plan: AttachPlan, followed: boolean): string[] {
  const stages = stagesWithoutLinkHeader(plan);
  if (stages.length === 0) return [];
  const what = followed
    ? 'packets there are followed by identity only'
    : 'the filter asks for a link header, which packets do not have there: they are left out';
  return [`not decidable at ${stages.join(', ')}: ${what}`];
}
