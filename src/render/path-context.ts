/** What a run's header says that explanations need. */
import type { AttachPlan } from '../attach/plan.js';
import type { ExplainContext } from '../explain/scene.js';
import { asksDevice } from '../filter/expression.js';
import { UnreachedChains } from '../netfilter/unreached.js';
import type { StageId } from '../stages/types.js';
import type { TraceHeader } from '../trace/trace.js';

export type ContextHeader = Pick<TraceHeader, 'names' | 'plan' | 'hooks' | 'devices' | 'options'>;

export function explainContext({ names, plan, hooks, devices, options }: ContextHeader): ExplainContext {
  const choosesAlike = !options.selection && !(options.filter && asksDevice(options.filter));
  return {
    ...{ names, watched: watchedStages(plan), unreached: new UnreachedChains(hooks) },
    senderTo: (netns, ifindex) => {
      const { peerNetns, peerIfindex } = devices.find(netns, ifindex)?.link ?? {};
      if (peerNetns === undefined || peerIfindex === undefined) return undefined;
      const isShown = options.lookBack || (choosesAlike && devices.isSelectedAt(peerNetns, peerIfindex));
      return isShown ? { netns: peerNetns, ifindex: peerIfindex } : undefined;
    },
  };
}

/** Stages whose events are there to see; what is only inferred is not among them. */
function watchedStages({ attachments }: Pick<AttachPlan, 'attachments'>): Set<StageId> {
  return new Set(attachments.map(({ stage }) => stage));
}
