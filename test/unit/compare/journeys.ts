/** Journeys made by hand: steps as the tracker keeps them, without a kernel. */
import { Comparison } from '../../../src/compare/comparison.js';
import type { ComparisonNames } from '../../../src/compare/places.js';
import { type ComparisonResult, comparisonResult } from '../../../src/compare/result.js';
import type { Branch, CloseReason, Journey } from '../../../src/journey/journey.js';
import { type Step, StepStore } from '../../../src/journey/step.js';
import type { BaseChain, HookPosition } from '../../../src/netfilter/types.js';
import { UnreachedChains } from '../../../src/netfilter/unreached.js';
import { deathOf } from '../../../src/stages/death.js';
import type { StageId } from '../../../src/stages/types.js';
import type { Ledger } from '../../../src/trace/ledger.js';
import { concatBytes, toBytes } from '../../support/bytes.js';
import { ETHERTYPE, ethernetFrame, ipv4Udp, type UdpFlow } from '../../support/frames.js';
import { noLoss } from '../render/header.js';
import { type EventContent, names as eventNames, tapEvent } from '../support/events.js';

const pair = { from: '02:00:00:00:00:0a', to: '02:00:00:00:00:0b' };
export const flow: UdpFlow = { src: '10.0.0.1', dst: '10.0.0.2', sport: 40000, dport: 80 };

/** An event of a packet; hooks see it without its link header, as in the kernel on the way out. */
export interface Event {
  readonly stage: StageId;
  readonly atNs?: number;
  readonly flow?: UdpFlow;
  /** Instead of a datagram: a whole frame, or bytes behind no link header. */
  readonly frame?: Uint8Array;
  readonly payload?: number;
  readonly hook?: HookPosition;
  readonly netns?: number;
  readonly ifindex?: number;
  readonly armed?: boolean;
  readonly mark?: number;
  readonly branch?: number;
  /** NFPROTO_*, where only the hook is known. */
  readonly family?: number;
  readonly verdict?: number;
  readonly reason?: number;
  readonly location?: bigint;
  /** Process id of the task in process context; 0: a softirq. */
  readonly pid?: number;
}

const payloadBytes = 20;
export const ipBytes = 28 + payloadBytes;
export const frameBytes = 14 + ipBytes;

const packetOf = ({ flow: given, payload = payloadBytes }: Event): Uint8Array =>
  ipv4Udp(given ?? flow, new Uint8Array(payload));

type Has = NonNullable<EventContent['has']>[number];

function contentOf(event: Event): EventContent {
  const { stage, hook, netns = 1, ifindex = 2, family, verdict, reason, location, mark, pid } = event;
  const isHook = stage.startsWith('nf-');
  const has: Has[] = ['netns', ...(isHook ? [] : (['ifindex'] as const))];
  const optional = { mark, verdict, reason, location };
  const fields: Record<string, number | bigint> = { netnsInum: netns, ifindex, protocol: ETHERTYPE.ipv4 };
  for (const [name, value] of Object.entries(optional))
    if (value !== undefined) {
      has.push(name as Has);
      fields[name] = value;
    }
  if (event.armed !== undefined) has.push('armed');
  if (pid !== undefined) has.push('task', 'context');
  if (family !== undefined || hook) has.push('hook');
  Object.assign(fields, { context: pid ? 0 : 1, tid: pid ?? 0, pid: pid ?? 0 });
  Object.assign(fields, { nfFamily: family ?? (hook?.family === 'ip6' ? 10 : 2), link: isHook ? 1 : 0 });
  const data =
    event.frame ?? (isHook ? packetOf(event) : ethernetFrame(pair, ETHERTYPE.ipv4, packetOf(event)));
  return { stage, has, fields, data, ...(event.armed && { is: ['armed'] }) };
}

const store = new StepStore();

function stepOf(event: Event, index: number): Step {
  const { hook, atNs = index * 1000, branch = 0 } = event;
  return store.keep({ ...tapEvent(contentOf(event)), hook }, atNs, branch, undefined);
}

export interface JourneyShape {
  readonly branches?: readonly Branch[];
  readonly closed?: CloseReason;
}

export function journeyOf(events: readonly Event[], shape: JourneyShape = {}): Journey {
  const { branches = [{ kind: 'packet' }], closed = 'ended' } = shape;
  return { packet: 1, steps: events.map(stepOf), branches, parents: [], children: [], closed };
}

export const chainOf = (name: string, priority = 0, changes: Partial<BaseChain> = {}): BaseChain => {
  const [, family = 'inet', table = '', chain = ''] = /^(\w+) (\w+)\/(\w+)$/.exec(name) ?? [];
  return {
    ...{ family: family as BaseChain['family'], table, chain, hook: 'input', priority, owner: 'nft' },
    ...changes,
  };
};

export interface Hook {
  readonly stage: StageId;
  readonly netns?: number;
  readonly family?: 'ip' | 'ip6';
  /** Chains between two brackets each. */
  readonly groups: readonly (readonly BaseChain[])[];
}

/** One event for each bracket of a hook, up to and with number `last`. */
export function passed(
  hook: Hook,
  event: Partial<Event> = {},
  last = hook.groups.length,
  first = 0,
): Event[] {
  const { stage, groups, netns = 1, family = 'ip' } = hook;
  return Array.from({ length: last - first + 1 }, (_, at) => {
    const index = first + at;
    const position: HookPosition = {
      ...{ family, stage, netnsInum: netns, index, count: groups.length + 1, priority: index },
      ...{ before: groups[index - 1] ?? [], after: groups[index] ?? [] },
    };
    return { stage, netns, hook: position, ...event };
  });
}

/** kfree_skb by nf_hook_slow. */
export const filtered: Event = { stage: 'drop', reason: 6, location: 1n };
export const noSocket: Event = { stage: 'drop', reason: 3, location: 2n };
export const byXdp: Event = { stage: 'drop', reason: 5, location: 3n };
export const bridged: Event = { stage: 'drop', reason: 6, location: 4n };
export const undecided: Event = { stage: 'drop', reason: 2 };

const stacks: Readonly<Record<number, readonly string[]>> = {
  1: ['nf_hook_slow+0x60'],
  2: ['__udp4_lib_rcv+0x1', 'ip_protocol_deliver_rcu+0x2'],
  3: ['do_xdp_generic+0x1'],
  4: ['nf_hook_slow+0x60', '__br_forward+0x1'],
  5: ['veth_xdp_rcv_skb+0x1', 'veth_poll+0x2'],
  6: ['ping_rcv+0x1', 'icmp_rcv+0x2'],
};

export const consumed: Event = { stage: 'consume' };
export const rxTap: Event = { stage: 'rx-tap', armed: true };
export const txTap: Event = { stage: 'tx-tap', armed: true };

const devices = ['', 'lo', 'vA', 'vB'];

/** Those of the bridge's forward hook in namespace 1. */
export const bridgeChains: BaseChain[] = [];

export const names: ComparisonNames = {
  ...eventNames,
  deviceLabel: (_netns, ifindex) => devices[ifindex] ?? `if${ifindex}`,
  dropReason: (value) => ['', '', 'NOT_SPECIFIED', 'NO_SOCKET', '', 'XDP', 'NETFILTER_DROP'][value] ?? '?',
  death: (record) => {
    const stack = record.has('location') ? stacks[Number(record.location)] : undefined;
    return stack && deathOf(stack, names.dropReason(record.reason));
  },
  deviceName: (_netns, ifindex) => devices[ifindex],
  onlyChain: (...where) => new UnreachedChains([{ netns: { inum: 1 }, chains: bridgeChains }]).only(...where),
  areBridged: (_netns, ...ports) => ports.every((port) => port > 3),
  xdpProgram: () => ({ id: 12, name: 'guard' }),
  netnsName: (inum) => `ns${inum}`,
};

const closed = { ended: 0, delivered: 0, merged: 0, replaced: 0, idle: 0, limit: 0, stopped: 0 };

/** What a comparison makes of the journeys. */
export function compared(journeys: readonly Journey[], ledger: Ledger = noLoss): ComparisonResult {
  const comparison = new Comparison(names);
  for (const journey of journeys) comparison.journey(journey);
  return comparisonResult(comparison, {
    ledger,
    journeys: { packets: journeys.length, open: 0, guessed: 0, partial: 0, closed },
    gaps: [],
  });
}

/** The same packet's journey, several times over. */
export const times = (count: number, events: readonly Event[], shape?: JourneyShape): Journey[] =>
  Array.from({ length: count }, () => journeyOf(events, shape));

/** A frame around an IP packet given in hex. */
export const frameOf = (etherType: number, packet: string): Uint8Array =>
  concatBytes([ethernetFrame(pair, etherType, new Uint8Array(0)), toBytes(packet)]);
