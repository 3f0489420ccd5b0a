/** What there was at the netfilter hooks before our links: told before the first event. */
import { chainsAt, runsAt } from '../netfilter/brackets.js';
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

/** The chains of both families at a hook in order, each once. */
function chainsOf(chains: readonly BaseChain[], { name }: InetHook): string[] {
  const all = new Set(linkFamilies.flatMap((family) => chainsAt(chains, family, name)));
  return [...new Set([...all].sort((a, b) => runsAt(a) - runsAt(b)).map(chainText))];
}

function chainsLine({ netns, chains }: HookInventory, hooks: readonly InetHook[]): string | undefined {
  const told = hooks.map((hook) => ({ hook: hook.name, chains: chainsOf(chains, hook) }));
  const full = told.filter((entry) => entry.chains.length > 0);
  if (full.length === 0) return undefined;
  const parts = full.map((entry) => `${entry.hook}: ${entry.chains.join(', ')}`);
  const empty = told.filter((entry) => entry.chains.length === 0).map(({ hook }) => hook);
  const none = empty.length ? `; no chain at ${empty.join(', ')}` : '';
  return printable(`netfilter in ${nameOf(netns)}: ${parts.join('; ')}${none}`);
}

/** One line for each namespace that has chains at these hooks, one for all that have none. */
export function chainNotes(inventories: readonly HookInventory[], hooks: readonly InetHook[]): string[] {
  const lines = inventories.map((inventory) => ({ inventory, line: chainsLine(inventory, hooks) }));
  const without = lines.filter(({ line }) => line === undefined);
  const names = without.map(({ inventory }) => nameOf(inventory.netns)).join(', ');
  return [
    ...lines.flatMap(({ line }) => line ?? []),
    ...new Set(inventories.flatMap(({ notes }) => notes)),
    ...(names ? [`netfilter in ${names}: no chain at ${hooks.map(({ name }) => name).join(', ')}`] : []),
  ];
}
