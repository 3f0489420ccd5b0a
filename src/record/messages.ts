/** From what a trace knows to the messages of its recording. */
import { hostname } from 'node:os';
import type { Attachment } from '../attach/plan.js';
import type { BaseChain } from '../netfilter/types.js';
import type { StageWatch } from '../stages/report.js';
import { stages } from '../stages/table.js';
import type { Netns } from '../system/netns.js';
import type { Device } from '../trace/device-table.js';
import type { FilterPlaces } from '../trace/filter-place.js';
import type { AttachmentLoss } from '../trace/ledger.js';
import type { Beginning, HookPlacement, KernelCounts } from '../trace/log.js';
import { asksNothing, type PacketSelection } from '../trace/packet-selection.js';
import type { KnownSocket } from '../trace/socket-takes.js';
import type { TraceSummary } from '../trace/trace.js';
import type { CountedXdp, XdpProgram } from '../trace/xdp-keeper.js';
import {
  type AttachmentLossMessage,
  type AttachmentMessage,
  type BaseChainMessage,
  type CountedXdpMessage,
  type DeviceMessage,
  formatVersion,
  type HeaderMessage,
  type HookPositionMessage,
  type NetnsMessage,
  type OptionsMessage,
  plainFormatVersion,
  recordVersion,
  type SelectionMessage,
  type SocketSetupMessage,
  type Sparse,
  type SummaryMessage,
  type WatchMessage,
  type XdpProgramMessage,
} from './schema.js';

/** What the command line asked for that a trace itself does not know: how many packets. */
export interface Asked {
  readonly version: string;
  readonly packets?: number | undefined;
  /** Records are compressed. */
  readonly compress?: boolean | undefined;
}

export function netnsMessage({ inum, path, name }: Netns): NetnsMessage {
  return { inum, ...(path !== null && { path }), name };
}

export function deviceMessage({ netns, link }: Device): DeviceMessage {
  return { netns: netns.inum, ...link };
}

export function chainMessage(chain: BaseChain): BaseChainMessage {
  return { ...chain };
}

export function hookPositionMessage(placement: HookPlacement): HookPositionMessage {
  const { netnsInum, family: familyNumber, hook: hookNumber, slot, from, position } = placement;
  const { family, stage, index, count, priority, before, after } = position;
  return {
    ...{ netns: netnsInum, familyNumber, hookNumber, slot, fromNs: from },
    ...{ family, stage, index, count, priority },
    before: before.map(chainMessage),
    after: after.map(chainMessage),
  };
}

export function socketSetupMessage({ inode, filterAddress, setup }: KnownSocket): SocketSetupMessage {
  return {
    ...{ inode, filterAddress: String(filterAddress), known: setup !== undefined },
    dgram: setup?.kind === 'dgram',
    showsFilter: setup?.showsFilter ?? false,
    ...(setup?.filter && { filter: setup.filter }),
    ...(setup?.ring && { ring: setup.ring }),
  };
}

export function xdpMessage(
  netns: number,
  ifindex: number,
  program: XdpProgram | undefined,
): XdpProgramMessage {
  return { netns, ifindex, ...program };
}

export function lossMessage({ attachId, ring, recursion }: AttachmentLoss): AttachmentLossMessage {
  return { attachId, ring: String(ring), ...(recursion !== null && { recursion: String(recursion) }) };
}

function attachmentMessage(attachment: Attachment): AttachmentMessage {
  const { program: _, ...others } = attachment;
  return others;
}

function watchMessage(watch: StageWatch): WatchMessage {
  const { passedOver, provedBy, targets, ...others } = watch;
  return {
    ...others,
    provedBy: [...(provedBy ?? [])],
    targets: [...(targets ?? [])],
    passedOver: passedOver.map((one) => ({ ...one })),
  };
}

function optionsMessage({ header: { options } }: Beginning, asked: Asked): OptionsMessage {
  const { count, durationSeconds, selection, filter, follow } = options;
  const { direction, ...questions } = selection ?? {};
  return {
    interfaces: [...options.interfaces],
    netns: [...options.netns],
    ...{ followPackets: follow === 'packets', followEvents: follow === 'events' },
    lookBack: options.lookBack === true,
    ...{ snaplen: options.snaplen, ringBytes: String(options.ringBytes) },
    ...{ arm: options.arm, observeOnly: options.observeOnly, stacks: options.stacks },
    ...(count !== undefined && { count: String(count) }),
    ...(asked.packets !== undefined && { packets: String(asked.packets) }),
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(direction && { direction }),
    ...(filter && { filter }),
    ...(!asksNothing(questions) && { selection: selectionMessage(questions) }),
  };
}

function selectionMessage(selection: PacketSelection): SelectionMessage {
  const { mark, reasons = [], pids = [], comms = [], uids = [], ...numbers } = selection;
  return {
    ...(mark && { mark: { ...mark } }),
    ...{ reasons: [...reasons], pids: [...pids], comms: [...comms], uids: [...uids] },
    ...numbers,
  };
}

function filterRunMessages(places: FilterPlaces['places'] | undefined): HeaderMessage['filterRuns'] {
  if (typeof places === 'string') return [{ stage: '', place: places }];
  return Object.entries(places ?? {}).map(([stage, place]) => ({ stage, place }));
}

export function headerMessage(beginning: Beginning, asked: Asked): Sparse<HeaderMessage> {
  const { header, clock, rings } = beginning;
  const { plan, devices, armed, notes, hooks, rights, features, filterRuns } = header;
  return {
    ...{
      format: asked.compress ? formatVersion : plainFormatVersion,
      taptrace: asked.version,
      recordVersion,
    },
    ...{ kernel: features.release, host: hostname(), rings },
    ...{ bootNs: String(clock.bootNs), wallOffsetNs: String(clock.wallOffsetNs) },
    stages: stages.map(({ number, id }) => ({ number, id })),
    attachments: plan.attachments.map(attachmentMessage),
    watches: plan.watches.map(watchMessage),
    options: optionsMessage(beginning, asked),
    namespaces: devices.netns.map(netnsMessage),
    severalNetns: devices.severalNetns,
    devices: devices.all.map(deviceMessage),
    armed: armed.map(({ device: { netns, link }, by }) => ({
      ...{ netns: netns.inum, ifindex: link.ifindex },
      by: by.map(({ ifindex, inode, owners }) => ({
        ...{ ifindex, inode: String(inode) },
        owners: owners.map(({ pid, comm }) => ({ pid, comm })),
      })),
    })),
    notes: [...notes],
    hooks: (hooks ?? []).map((one) => ({
      netns: one.netns.inum,
      chains: one.chains.map(chainMessage),
      notes: [...one.notes],
    })),
    hasHooks: hooks !== undefined,
    filterRuns: filterRunMessages(filterRuns),
    ...(rights && {
      rights: {
        kept: rights.kept.map((one) => ({ ...one })),
        ...(rights.failure !== undefined && { failure: rights.failure }),
      },
    }),
  };
}

function countedMessage({ netns, ifindex, ifname, program, frames }: CountedXdp): CountedXdpMessage {
  const counts = Object.entries(frames).map(([verdict, count]) => [verdict, String(count)] as const);
  return {
    ...{ netns, ifindex, ifname, program: xdpMessage(netns, ifindex, program) },
    ...Object.fromEntries(counts),
  };
}

/** Of a file that is closed while the trace goes on in another one. */
export function splitMessage(
  losses: readonly AttachmentLoss[],
  events: number,
  seconds: number,
): SummaryMessage {
  return {
    ...{ reason: 'split', seconds: Math.max(0, seconds), events: String(events) },
    ...{ highWaterBytes: '0', ringBytes: '0', lostUser: '0', counted: [] },
    ...{ filtered: '0', undecided: '0', forgotten: '0' },
    lost: losses.map(lossMessage),
  };
}

export function summaryMessage(
  summary: TraceSummary,
  losses: readonly AttachmentLoss[],
  { filtered, undecided, forgotten }: KernelCounts,
  events: number,
): SummaryMessage {
  const { reason, seconds, ringHighWater, ledger, counted } = summary;
  return {
    ...{ reason, seconds, events: String(events) },
    highWaterBytes: String(ringHighWater.bytes),
    ringBytes: String(ringHighWater.ofBytes),
    lost: losses.map(lossMessage),
    lostUser: String(ledger.lost.user),
    counted: counted.map(countedMessage),
    ...{ filtered: String(filtered), undecided: String(undecided), forgotten: String(forgotten) },
  };
}
