/** What `stages` and `doctor` ask the attach plan: how would every stage be watched here? */
import { type KernelFeatures, probeFeatures } from '../attach/features.js';
import { makePlan } from '../attach/plan.js';
import { nativeBinding } from '../native/binding.js';
import { stageById } from '../stages/lookup.js';
import type { StagesReport } from '../stages/report.js';
import { stages } from '../stages/table.js';

export function stagesReport(arm: boolean): { report: StagesReport; features: KernelFeatures } {
  const features = probeFeatures(nativeBinding(), stages);
  const { watches } = makePlan(
    { stages, arm, observeOnly: false, mechanisms: new Map(), netnsInum: 'all', selectDevices: false },
    features,
  );
  const report = {
    kernel: features.release,
    stages: watches.map((watch) => ({ stage: stageById(watch.stage), watch })),
  };
  return { report, features };
}
