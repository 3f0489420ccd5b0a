/** Where and why a packet was dropped, in words. */
import { reasonMeaning } from '../compare/reasons.js';
import type { BaseChain } from '../netfilter/types.js';
import { isUnreached } from '../netfilter/unreached.js';
import { anyOfChains, chainsAhead } from './chains.js';
import type { StepFacts } from './facts.js';
import type { Scene } from './scene.js';

export interface DropPlace {
  /** Continues "it was dropped": a blank in front, or empty where nothing is known. */
  readonly text: string;
  /** `NETFILTER_DROP`, with what it means where the name does not say it. */
  readonly reason: string | undefined;
  /** The netfilter chains one of which dropped it, where the brackets around it prove it. */
  readonly chains: readonly BaseChain[];
}

/**
 * The chains between the last bracket that it passed and the next one, to which it did not come. Where the stack of the
 * drop says that it died elsewhere, the event of a bracket was lost, and no chain is to blame.
 */
function droppingChains(scene: Scene, end: StepFacts): readonly BaseChain[] {
  const only = onlyChain(scene, end);
  if (only) return [only];
  const line = scene.line(end.step.branch);
  const last = line[line.indexOf(end) - 1]?.step;
  if (!last?.hook) return [];
  const isElsewhere = end.death?.stage !== undefined && end.death.stage !== last.hook.stage;
  return isElsewhere ? [] : chainsAhead(last);
}

/** In families that no link reaches, the stack names the hook: where one chain alone is registered there, it was that. */
function onlyChain({ context }: Scene, { death, netns, ifindex }: StepFacts): BaseChain | undefined {
  const { stage, family, position } = death ?? {};
  if (position !== 'in' || !stage?.startsWith('nf-') || !isUnreached(family) || netns === undefined)
    return undefined;
  const device = ifindex === undefined ? undefined : context.names.deviceName(netns, ifindex);
  return context.unreached.only(netns, stage, family, device);
}

function reasonText({ reason, location }: StepFacts): string | undefined {
  if (reason === undefined) return undefined;
  const meaning = reasonMeaning(reason, location);
  return meaning === undefined ? reason : `${reason}: ${meaning}`;
}

export function dropPlace(scene: Scene, end: StepFacts): DropPlace {
  const chains = droppingChains(scene, end);
  const { death, location } = end;
  const where = death?.text ?? (location === undefined ? '' : `in ${location}`);
  const text = chains.length > 0 ? `by ${anyOfChains(chains)}` : where;
  return { text: text === '' ? '' : ` ${text}`, reason: reasonText(end), chains };
}
