/** Short forms for making plans. */
import type { KernelFeatures } from '../../../src/attach/features.js';
import { type Attachment, type AttachPlan, makePlan, type PlanRequest } from '../../../src/attach/plan.js';
import { expandStages } from '../../../src/stages/lookup.js';
import type { StageId } from '../../../src/stages/types.js';

export function request(words: string, changes: Partial<PlanRequest> = {}): PlanRequest {
  return {
    stages: expandStages([words]).stages,
    arm: false,
    observeOnly: false,
    mechanisms: new Map(),
    netnsInum: 4026531840,
    selectDevices: false,
    ...changes,
  };
}

export function plan(words: string, kernel: KernelFeatures, changes: Partial<PlanRequest> = {}): AttachPlan {
  return makePlan(request(words, changes), kernel);
}

/** Attachments of a stage as "mechanism function object/program", complements with a plus in front. */
export function outline({ attachments }: AttachPlan, stage: StageId): string[] {
  return attachments
    .filter((attachment) => attachment.stage === stage)
    .map(({ mechanism, function: name, program, complement }) => {
      const where = program ? `${program.object}/${program.name}` : 'rides along';
      return `${complement ? '+ ' : ''}${mechanism} ${name} ${where}`;
    });
}

export function constantsOf(attachment: Attachment | undefined): Readonly<Record<string, number>> {
  return attachment?.program?.constants ?? {};
}
