/** From the messages of a recording to what a trace knows. */
import type { Attachment, AttachPlan } from '../attach/plan.js';
import type { RuleTrace, RuleTraces } from '../netfilter/rule-trace.js';
import type { BaseChain, HookPosition } from '../netfilter/types.js';
import { isStageId } from '../stages/lookup.js';
import type { StageWatch } from '../stages/report.js';
import type { Mechanism, StageId } from '../stages/types.js';
import type { Netns } from '../system/netns.js';
import type { SocketSetup } from '../system/packet-diag.js';
import { takenVerdicts } from '../system/xdp-counts.js';
import type { ArmedDevice } from '../trace/arming.js';
import type { HookInventory } from '../trace/chain-notes.js';
import type { Device, DeviceTable } from '../trace/device-table.js';
import type { DroppedRights } from '../trace/drop-rights.js';
import type { FilterPlace, FilterPlaces } from '../trace/filter-place.js';
import type { AttachmentLoss } from '../trace/ledger.js';
import type { HookGap } from '../trace/netfilter-keeper.js';
import { asksNothing, type PacketSelection } from '../trace/packet-selection.js';
import type { CountedXdp } from '../trace/xdp-keeper.js';
import type {
  AttachmentLossMessage,
  BaseChainMessage,
  CountedXdpMessage,
  DeviceMessage,
  GapMessage,
  HeaderMessage,
  HookPositionMessage,
  NetnsMessage,
  OptionsMessage,
  RuleTraceMessage,
  RuleTracesMessage,
  SocketSetupMessage,
  WatchMessage,
} from './schema.js';

/** It names something that only a later version knows. */
export class UnknownWord extends Error {}

export function stageIdOf(word: string): StageId {
  if (!isStageId(word)) throw new UnknownWord(`the stage '${word}'`);
  return word;
}

export function netnsOf({ inum, path, name }: NetnsMessage): Netns {
  return { inum, path: path ?? null, name };
}

export function deviceOf({ netns: _, ...link }: DeviceMessage, netns: Netns): Device {
  return { netns, link };
}

/** Keys in the order of the list of chains that a live trace has. */
function chainOf(message: BaseChainMessage): BaseChain {
  const { family, table, chain, hook, priority, device, owner, type, policy } = message;
  return {
    ...{ family, table, chain, hook, priority },
    ...(device !== undefined && { device }),
    owner,
    ...(type !== undefined && { type }),
    ...(policy !== undefined && { policy }),
  } as BaseChain;
}

export function positionOf(message: HookPositionMessage): HookPosition {
  const { netns, family, stage, index, count, priority, before, after } = message;
  return {
    family: family as HookPosition['family'],
    ...{ stage: stageIdOf(stage), netnsInum: netns, index, count, priority },
    before: before.map(chainOf),
    after: after.map(chainOf),
  };
}

export function setupOf(message: SocketSetupMessage): SocketSetup | undefined {
  const { known, dgram, filter, showsFilter, ring } = message;
  if (!known) return undefined;
  return {
    kind: dgram ? 'dgram' : 'raw',
    showsFilter,
    ...(filter && { filter: Uint8Array.from(filter) }),
    ...(ring && { ring }),
  };
}

export function gapOf({ netns, fromNs, toNs, text }: GapMessage): HookGap {
  return { netnsInum: netns, fromNs: BigInt(fromNs), toNs: BigInt(toNs), text };
}

export function ruleTracesOf({ netns, messages, ...times }: RuleTracesMessage): RuleTraces {
  return { netnsInum: netns, ...times, messages: messages.map(ruleTraceOf) };
}

/** The chunk's memory is used again. */
function ruleTraceOf({ network, transport, ...told }: RuleTraceMessage): RuleTrace {
  return {
    ...told,
    ...(network && { network: Uint8Array.from(network) }),
    ...(transport && { transport: Uint8Array.from(transport) }),
  } as RuleTrace;
}

export function lossOf({ attachId, ring, recursion }: AttachmentLossMessage): AttachmentLoss {
  return { attachId, ring: Number(ring), recursion: recursion === undefined ? null : Number(recursion) };
}

function watchOf(message: WatchMessage): StageWatch {
  const { stage, mechanism, target, provedBy, targets, observed, seesBytes, reason, passedOver } = message;
  return {
    stage: stageIdOf(stage),
    ...(mechanism !== undefined && { mechanism: mechanism as Mechanism }),
    ...(target !== undefined && { target }),
    ...(provedBy.length > 0 && { provedBy: provedBy.map(stageIdOf) }),
    ...(targets.length > 0 && { targets }),
    ...(observed !== undefined && { observed }),
    ...(seesBytes === false && { seesBytes }),
    reason,
    passedOver: passedOver.map((one) => ({ ...one, mechanism: one.mechanism as Mechanism })),
  };
}

export function planOf({ attachments, watches }: HeaderMessage): AttachPlan {
  return {
    attachments: attachments.map(
      (one): Attachment => ({
        ...one,
        stage: stageIdOf(one.stage),
        mechanism: one.mechanism as Mechanism,
      }),
    ),
    watches: watches.map(watchOf),
  };
}

export function armedOf({ armed }: HeaderMessage, devices: DeviceTable): ArmedDevice[] {
  return armed.flatMap(({ netns, ifindex, by }) => {
    const device = devices.find(netns, ifindex);
    return device ? [{ device, by: by.map((tap) => ({ ...tap, inode: Number(tap.inode) })) }] : [];
  });
}

export function hooksOf(
  { hooks, hasHooks }: HeaderMessage,
  { netns }: DeviceTable,
): HookInventory[] | undefined {
  if (!hasHooks) return undefined;
  return hooks.flatMap(({ netns: inum, chains, notes }) => {
    const found = netns.find((one) => one.inum === inum);
    return found ? [{ netns: found, chains: chains.map(chainOf), notes }] : [];
  });
}

/** A header's `filterRuns`: absent without a filter. */
export function filterRunsOf({ filterRuns }: HeaderMessage): FilterPlaces['places'] | undefined {
  if (filterRuns.length === 0) return undefined;
  const places = filterRuns.map(({ stage, place }) => [stage, place as FilterPlace] as const);
  const everywhere = places.find(([stage]) => stage === '');
  return everywhere ? everywhere[1] : Object.fromEntries(places);
}

export function rightsOf({ rights }: HeaderMessage): DroppedRights | undefined {
  return rights as DroppedRights | undefined;
}

export function countedOf({ netns, ifindex, ifname, program, ...counts }: CountedXdpMessage): CountedXdp {
  const { id, name } = program;
  const frames = Object.fromEntries(
    takenVerdicts.flatMap((verdict) =>
      counts[verdict] === undefined ? [] : [[verdict, Number(counts[verdict])]],
    ),
  );
  return {
    ...{ stage: 'xdp', netns, ifindex, ifname },
    program: { id: id ?? 0, ...(name !== undefined && { name }) },
    frames,
  };
}

/** Undefined: nothing was asked. */
export function selectionOf({ direction, selection }: OptionsMessage): PacketSelection | undefined {
  const { mark, reasons = [], pids = [], comms = [], uids = [], ...numbers } = selection ?? {};
  const lists = Object.entries({ reasons, pids, comms, uids }).filter(([, list]) => list.length > 0);
  const asked: PacketSelection = {
    ...(mark && { mark: { ...mark } }),
    ...Object.fromEntries(lists),
    ...numbers,
    ...(direction && { direction: direction as 'in' | 'out' }),
  };
  return asksNothing(asked) ? undefined : asked;
}
