/**
 * Where links of ours have to stand at a hook so that the last one a packet passed names the chain that it did not
 * come out of: in every gap between chains one behind the chain before it and one in front of the chain behind it.
 */
import type { BaseChain, HookFamily } from './types.js';

/** A link's priority with the chains between it and its neighbours. */
export interface Bracket {
  readonly priority: number;
  readonly before: readonly BaseChain[];
  readonly after: readonly BaseChain[];
}

/** INT_MIN and INT_MAX: priorities of chains, but of no link (net/netfilter/nf_bpf_link.c). */
const first = -(2 ** 31);
const last = 2 ** 31 - 1;

/** How far from its chain a link may stand when others of whom we do not know have the priorities next to it. */
const farthest = 16;

const natPriority = { prerouting: -100, output: -100, input: 100, postrouting: 100 } as const;

/**
 * The priority at which a chain runs. Chains of type nat are called by the kernel's one NAT hook, at its priority,
 * whatever they say (net/netfilter/nf_nat_proto.c, nf_nat_ipv4_ops; their own orders them among each other).
 */
export function runsAt({ type, hook, priority, family }: BaseChain): number {
  const isInet = family === 'ip' || family === 'ip6' || family === 'inet';
  if (type === 'nat' && isInet && Object.hasOwn(natPriority, hook))
    return natPriority[hook as keyof typeof natPriority];
  return priority;
}

/** The chains that packets of a family meet at a hook, in order. Those of the same priority stay as they are given. */
export function chainsAt(chains: readonly BaseChain[], family: HookFamily, hook: string): BaseChain[] {
  return chains
    .filter((chain) => chain.hook === hook && (chain.family === family || chain.family === 'inet'))
    .sort((a, b) => runsAt(a) - runsAt(b) || a.priority - b.priority);
}

/** The priorities strictly between `low` and `high` for the two links of a gap; none where no free one is near. */
function inGap(low: number, high: number, unusable: ReadonlySet<number>): number[] {
  const found: number[] = [];
  for (let at = low + 1; at < high && at <= low + farthest; at += 1)
    if (!unusable.has(at)) {
      found.push(at);
      break;
    }
  for (let at = high - 1; at > low && at >= high - farthest; at -= 1)
    if (!unusable.has(at)) {
      if (at !== found[0]) found.push(at);
      break;
    }
  return found;
}

/** The brackets of one hook. `unusable`: priorities that hooks have of whom we only know that they are there. */
export function bracketsOf(
  chains: readonly BaseChain[],
  unusable: ReadonlySet<number> = new Set(),
): Bracket[] {
  const taken = [...new Set([first, ...chains.map(runsAt), last])].sort((a, b) => a - b);
  const priorities = taken.slice(1).flatMap((high, index) => inGap(taken[index]!, high, unusable));
  return withPriorities(chains, priorities);
}

/** The chains shared out among links that stand at these priorities, given in order. */
export function withPriorities(chains: readonly BaseChain[], priorities: readonly number[]): Bracket[] {
  const between = (low: number, high: number): BaseChain[] =>
    chains.filter((chain) => runsAt(chain) > low && runsAt(chain) < high);
  return priorities.map((priority, index) => ({
    priority,
    before: between(priorities[index - 1] ?? Number.NEGATIVE_INFINITY, priority),
    after: between(priority, priorities[index + 1] ?? Number.POSITIVE_INFINITY),
  }));
}
