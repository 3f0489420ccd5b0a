/** What there was at the netfilter hooks before our links: told before the first event. */
import { chainsAt } from '../netfilter/brackets.js';
import { type InetHook, linkFamilies } from '../netfilter/hooks.js';
import type { BaseChain } from '../netfilter/types.js';
import { chainText } from '../netfilter/words.js';
import { printable } from '../render/printable.js';
import type { Netns } from '../system/netns.js';

export interface HookInventory {
  readonly netns: Netns;
  readonly chains: readonly BaseChain[];
  /** What could not be looked at. */
  readonly notes: readonly string[];
}

const nameOf = ({ name }: Netns): string => printable(name);

/** The chains of both families at a hook, each once. */
function chainsOf(chains: readonly BaseChain[], { name }: InetHook): BaseChain[] {
  return [...new Set(linkFamilies.flatMap((family) => chainsAt(chains, family, name)))];
}

function chainsLine({ netns, chains }: HookInventory, hooks: readonly InetHook[]): string | undefined {
  const told = hooks.map((hook) => ({ hook: hook.name, chains: chainsOf(chains, hook) }));
  const full = told.filter((entry) => entry.chains.length > 0);
  if (full.length === 0) return undefined;
  const parts = full.map((entry) => `${entry.hook}: ${entry.chains.map(chainText).join(', ')}`);
  const empty = told.filter((entry) => entry.chains.length === 0).map(({ hook }) => hook);
  const none = empty.length ? `; none at ${empty.join(', ')}` : '';
  return printable(`base chains in ${nameOf(netns)}: ${parts.join('; ')}${none}`);
}

/** One line for each namespace that has chains at these hooks, one for all that have none. */
export function chainNotes(inventories: readonly HookInventory[], hooks: readonly InetHook[]): string[] {
  const lines = inventories.map((inventory) => ({ inventory, line: chainsLine(inventory, hooks) }));
  const without = lines.filter(({ line }) => line === undefined);
  const names = without.map(({ inventory }) => nameOf(inventory.netns)).join(', ');
  return [
    ...lines.flatMap(({ line }) => line ?? []),
    ...new Set(inventories.flatMap(({ notes }) => notes)),
    ...(names ? [`no base chains in ${names} at ${hooks.map(({ name }) => name).join(', ')}`] : []),
  ];
}
