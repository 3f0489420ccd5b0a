/** What `stages` asks the attach plan: how would every stage be watched here? Judged, not tried. */

import { nativeBinding } from '../native/binding.js';
import { stageById } from '../stages/lookup.js';
import type { StagesReport } from '../stages/report.js';
import { stages } from '../stages/table.js';
import type { Stage } from '../stages/types.js';
import { type KernelFeatures, probeFeatures } from './features.js';
import { type AttachPlan, makePlan } from './plan.js';

/** The plan of a trace of these stages. */
export function judgedStages(asked: readonly Stage[], arm: boolean, features: KernelFeatures): AttachPlan {
  const choices = { observeOnly: false, mechanisms: new Map(), selectDevices: false };
  return makePlan({ stages: asked, arm, netnsInum: 'all', ...choices }, features);
}

export function stagesReport(arm: boolean): StagesReport {
  const features = probeFeatures(nativeBinding(), stages);
  const { watches } = judgedStages(stages, arm, features);
  return {
    kernel: features.release,
    stages: watches.map((watch) => ({ stage: stageById(watch.stage), watch })),
  };
}
