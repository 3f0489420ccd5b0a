/** What a netfilter hook is made of, and where in it a packet was seen. Pure values: nothing here depends on a kernel. */
import type { StageId } from '../stages/types.js';

/** Who registered a hook. */
export type ChainOwner = 'nft' | 'iptables-nft' | 'iptables-legacy' | 'bpf' | 'kernel';

/** A function at a netfilter hook: a base chain of the ruleset, a BPF link of somebody, or one of the kernel's own. */
export interface BaseChain {
  readonly family: 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';
  /** Empty where the hook belongs to no table (BPF links, functions of the kernel). */
  readonly table: string;
  /** The chain's name; of a hook without a chain what is known of it, such as the kernel's function. */
  readonly chain: string;
  /** As nft calls it: prerouting, input, forward, output, postrouting, ingress, egress. */
  readonly hook: string;
  readonly priority: number;
  /** Of netdev chains: the device it is bound to. */
  readonly device?: string;
  readonly owner: ChainOwner;
  /** filter, nat or route. */
  readonly type?: string;
  readonly policy?: string;
}

/** The families that a BPF netfilter link can be registered for. */
export type HookFamily = 'ip' | 'ip6';

/** Which bracket of a hook a packet passed. */
export interface HookPosition {
  readonly family: HookFamily;
  readonly stage: StageId;
  readonly netnsInum: number;
  /** From 0, before every chain, to count - 1, behind every chain. */
  readonly index: number;
  readonly count: number;
  /** Of our link here. */
  readonly priority: number;
  /** The chains between the position before this one and this one: the packet has passed them. */
  readonly before: readonly BaseChain[];
  /** The chains from here up to the next position: what comes next, named together where more than one. */
  readonly after: readonly BaseChain[];
}
