/** What the plan has to do with netfilter links: one program for all hooks. */
import { inetHooks } from '../netfilter/hooks.js';
import { stageById } from '../stages/lookup.js';
import type { Attachment } from './plan.js';

/** The hooks that netfilter links watch in a plan. */
export function hooksWatched(attachments: readonly Attachment[]): typeof inetHooks {
  const stages = new Set(
    attachments.filter(({ mechanism }) => mechanism === 'netfilter').map(({ stage }) => stage),
  );
  return inetHooks.filter(({ stage }) => stages.has(stage));
}

/** Whether netfilter hooks are watched, in whichever way. */
export function watchesHooks(attachments: readonly Attachment[]): boolean {
  return attachments.some(({ stage }) => stageById(stage).group === 'netfilter');
}

/** All hooks are watched by instances of one program: the first carries it, the others ride along. */
export function joinNetfilter(attachments: readonly Attachment[]): Attachment[] {
  const hooks = attachments.filter(({ mechanism }) => mechanism === 'netfilter');
  const [carrier] = hooks;
  if (!carrier?.program) return [...attachments];
  const places = hooks.map(({ stage, attachId }) => {
    const hook = inetHooks.find((one) => one.stage === stage)!;
    return [`at_${hook.name}`, attachId | (stageById(stage).number << 16)] as const;
  });
  const { attach_id: _id, stage: _stage, ...shared } = carrier.program.constants;
  const constants = { ...shared, ...Object.fromEntries(places), want_owner: 1 };
  return attachments.map((attachment) => {
    if (attachment === carrier) return { ...attachment, program: { ...carrier.program!, constants } };
    if (!hooks.includes(attachment)) return attachment;
    const { program: _, ...withoutProgram } = attachment;
    return withoutProgram;
  });
}
