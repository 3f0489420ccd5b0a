/** Where a dropped packet died, from the kernel's own words: its reason, the function that freed it, its stack. */
import type { TapEvent } from '../trace/event.js';
import { type ComparisonNames, functionOf } from './places.js';

export interface Death {
  readonly reason: string | undefined;
  /** Innermost first; empty where none was taken. */
  readonly functions: readonly string[];
}

export function deathOf({ record }: TapEvent, names: ComparisonNames): Death {
  const reason = record.has('reason') ? names.dropReason(record.reason) : undefined;
  const stack = record.has('stack') ? names.stack(record.stackId).map(functionOf) : [];
  const location = record.has('location') ? [functionOf(names.symbol(record.location))] : [];
  return { reason, functions: [...location, ...stack] };
}

/** Functions that run base chains, or go on with a packet after a queue's verdict (net/netfilter/). */
const hookRunner = /^(nf_hook_slow|nf_hook_slow_list|nf_reinject|nfqnl_|nf_queue)/;
/** Freeing with a reason of its own: nft and NAT name themselves (NF_DROP_REASON, 6.1). */
const chainFunction = /^(nft_|nf_|ipt_|ip6t_|xt_)/;

/** Whether the death is one inside a netfilter hook; undefined where the kernel does not tell. */
export function isInHook({ reason, functions }: Death): boolean | undefined {
  if (reason === 'NETFILTER_DROP') return true;
  if (functions.length === 0) return undefined;
  return functions.some((name) => hookRunner.test(name) || chainFunction.test(name));
}

/** Generic XDP runs in the receive function, before its tap lists (net/core/dev.c, do_xdp_generic). */
export function isByGenericXdp({ reason, functions }: Death): boolean {
  return (
    reason === 'XDP' || functions.some((name) => /^(do_xdp_generic|netif_receive_generic_xdp)/.test(name))
  );
}
