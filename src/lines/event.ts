/** One packet at one stage: the line `event` of NDJSON, and what the library gives. */
import type { RuleHit } from '../netfilter/rule-trace.js';
import type { BaseChain, ChainOwner } from '../netfilter/types.js';
import type { Death, HookFamily } from '../stages/death.js';
import type { Direction, Mechanism, StageId } from '../stages/types.js';
import type { Holder } from '../system/packet-sockets.js';

/** Which netfilter hook; where links of ours stand between its chains, also between which of them. */
export interface HookPlace {
  /** As nft calls it: ip, ip6, arp, bridge, netdev. */
  readonly family: string;
  /** As nft calls it: prerouting, input, forward, output, postrouting, ingress, egress. */
  readonly hook?: string;
  /** Of our link. */
  readonly priority?: number;
  /** From 0, before every chain, to `of` - 1, behind every chain. */
  readonly position?: number;
  readonly of?: number;
  /** Chains that the packet has passed since the position before. */
  readonly passed?: readonly BaseChain[];
  /** Chains that come next. */
  readonly ahead?: readonly BaseChain[];
}

/**
 * One packet at one stage. A key whose value is not known is absent, never 0 or empty. Numbers of more than 53 bits
 * are decimal strings, addresses hexadecimal ones.
 */
export interface EventLine {
  readonly type: 'event';
  /** Counts events of this run from 1. */
  readonly seq: number;
  /** Wall-clock time (UTC) with nanoseconds. */
  readonly time: string;
  /** Nanoseconds since boot, of the clock that the header names. */
  readonly tsNs: string;
  readonly stage: StageId;
  /** The kernel function the program ran in. */
  readonly function: string;
  readonly mechanism: Mechanism;
  /** False: seen by a probe of ours that others could see. */
  readonly observed: boolean;
  readonly direction: Direction;
  readonly cpu: number;
  /** Inode number of the network namespace. */
  readonly netns?: number;
  readonly netnsCookie?: string;
  readonly ifindex?: number;
  readonly ifname?: string;
  /** At a tap: whether somebody taps this device. */
  readonly armed?: boolean | 'unknown';
  /** Number of the packet, where the ends of packets are watched. */
  readonly packet?: number;
  /** Of a journey: index of the sk_buff among its branches. */
  readonly branch?: number;
  /** Why the event is counted to this packet, where addresses and content do not prove it. */
  readonly guess?: string;
  /** Of a journey, at a netfilter hook: what nft's tracing told of the chains that were ahead, in order. */
  readonly rules?: readonly RuleHit[];
  /** Address of the sk_buff. */
  readonly skb?: string;
  /** Address of its memory. */
  readonly head?: string;
  /** Bytes of the packet here. */
  readonly len: number;
  /** Bytes of it in `data`. */
  readonly capLen: number;
  readonly linkType?: 'ethernet' | 'raw' | 'unknown';
  /** The bytes in hexadecimal: at the taps those that a packet socket gets. */
  readonly data?: string;
  /** As `tcpdump -nn` prints it. */
  readonly summary?: string;
  readonly linkSrc?: string;
  readonly linkDst?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly proto?: string;
  /** Of forwarded packets: the device they leave by. */
  readonly ifindexOut?: number;
  readonly ifnameOut?: string;
  readonly hook?: HookPlace;
  /** A VLAN tag that is beside the bytes. */
  readonly vlan?: { readonly tci: number; readonly protocol: number };
  readonly mark?: number;
  /** What the driver, the hook or the XDP program answered. */
  readonly verdict?: string;
  /** Why it was dropped, in the kernel's word. */
  readonly reason?: string;
  /** The function that freed it. */
  readonly location?: string;
  /** Where on the path it was dropped, as far as the kernel's stack tells. */
  readonly diedIn?: Death;
  readonly socketCookie?: string;
  readonly socketInode?: string;
  readonly uid?: number;
  /** It only adds to an earlier event what became of its packet. */
  readonly amends?: true;
  /** Processes that hold the packet socket. */
  readonly holders?: readonly Holder[];
  /** What a packet socket made of it. */
  readonly result?: 'unknown' | 'taken' | 'filtered' | 'full';
  readonly takenBytes?: number;
  /** What ran on the CPU. */
  readonly task?: {
    readonly pid: number;
    readonly comm: string;
    readonly context?: 'process' | 'softirq';
  };
  /** It came after later events had been given out. */
  readonly late?: true;
  /** What the metadata explains and the bytes do not, in sentences. */
  readonly notes?: readonly string[];
  /** Kernel functions, innermost first. */
  readonly stack?: readonly string[];
}

export type { BaseChain, ChainOwner, Death, Direction, Holder, HookFamily, Mechanism, RuleHit, StageId };
