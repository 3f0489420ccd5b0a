/**
 * A live trace from the attach plan to events in order. It knows nothing of output: a sink gets the header,
 * each event, and the summary.
 */
import { type KernelFeatures, probeFeatures } from '../attach/features.js';
import { type KernelSelection, kernelSelection } from '../attach/kernel-selection.js';
import type { Attachment, AttachPlan, PlanRequest } from '../attach/plan.js';
import type { RungRefused } from '../attach/refusal.js';
import { openSession, type TapSession, userFilterBytes } from '../attach/session.js';
import { tapChoice, tapFilter } from '../decode/layout.generated.js';
import { type DecodedPacket, decodePacket, emptyPacket } from '../decode/packet.js';
import { type Batch, RecordView } from '../decode/record.js';
import { MissingError } from '../errors.js';
import { Untranslatable } from '../filter/ebpf.js';
import { PacketFilter, verdict } from '../filter/filter.js';
import { type KernelFilter, translate } from '../filter/translate.js';
import type { NativeBinding } from '../native/binding.js';
import type { HookPosition } from '../netfilter/types.js';
import { stageById } from '../stages/lookup.js';
import type { StageWatch } from '../stages/report.js';
import { DropReasons } from '../system/drop-reasons.js';
import { effectiveCapabilities, possibleCpus } from '../system/kernel.js';
import { allNetns, resolveNetns } from '../system/netns.js';
import { reasonNumbers } from '../system/reason-numbers.js';
import { KernelSymbols } from '../system/symbols.js';
import {
  type ArmedDevice,
  armedDevices,
  armedFromElsewhere,
  blindNotes,
  deliveryNotes,
  stackNotes,
  visibilityNotes,
} from './arming.js';
import { blindFilterNotes } from './blind-filters.js';
import { chainNotes, type HookInventory } from './chain-notes.js';
import { Consumer, returnGraceNs } from './consumer.js';
import { DeviceKeeper } from './device-keeper.js';
import { Devices } from './devices.js';
import { type DroppedRights, dropRights, laterWork } from './drop-rights.js';
import type { TapEvent } from './event.js';
import { explainFailure } from './failures.js';
import { type FilterPlaces, filterPlaces, undecidableNotes } from './filter-place.js';
import { FollowedPackets } from './followed.js';
import { type Ledger, makeLedger } from './ledger.js';
import { ownerNotes, symbolNotes } from './limits.js';
import { LiveNames } from './names.js';
import { type HookGap, NetfilterKeeper } from './netfilter-keeper.js';
import type { TraceOptions } from './options.js';
import { checkBtf, checkRights } from './rights.js';
import { asksNothing } from './selection.js';
import { SocketHolders } from './socket-holders.js';
import { socketTakes } from './socket-setups.js';
import type { SocketTakes } from './socket-takes.js';
import { type CountedXdp, XdpKeeper } from './xdp-keeper.js';

/** Known once everything is attached, before the first event. */
export interface TraceHeader {
  readonly options: TraceOptions;
  readonly features: KernelFeatures;
  readonly plan: AttachPlan;
  readonly devices: Devices;
  readonly armed: readonly ArmedDevice[];
  readonly notes: readonly string[];
  readonly names: LiveNames;
  /** Where links of ours watch netfilter hooks: the base chains of every namespace, read before. */
  readonly hooks?: readonly HookInventory[];
  /** Which XDP program a device has. */
  readonly xdp: Pick<XdpKeeper, 'programAt'>;
  /** Absent where capabilities stay as they are. */
  readonly rights?: DroppedRights;
  /** Where the filter runs; absent without one. */
  readonly filterRuns?: FilterPlaces['places'];
}

/** Why a trace ended; `gone`: nothing that was asked for is left to watch. */
export type EndReason = 'asked' | 'count' | 'duration' | 'gone' | 'output-closed';

export interface TraceSummary {
  readonly reason: EndReason;
  readonly events: number;
  readonly filteredOut: number;
  /** Events whose captured bytes ended before the filter could decide. */
  readonly undecided: number;
  readonly late: number;
  /** Times that a followed packet was let go, since the kernel's table of them was full. */
  readonly forgotten: number;
  readonly seconds: number;
  readonly ringHighWater: { readonly bytes: number; readonly ofBytes: number };
  readonly ledger: Ledger;
  /** Stages that were asked for and could not be watched. */
  readonly notWatched: readonly Pick<StageWatch, 'stage' | 'reason'>[];
  /** What was counted, but made no events. */
  readonly counted: readonly CountedXdp[];
}

export interface TraceSink {
  header(header: TraceHeader): void;
  event(event: TapEvent): void;
  /** After a round of events: time to write. */
  flush(): void;
  /** True while what was written does not go away: more events have to wait. */
  readonly isCongested: boolean;
  /** Ten times a second: what happened before this time of CLOCK_BOOTTIME has been given out. */
  passed?(bootNs: bigint): void;
  /** After the last event; names can still be looked up. */
  end?(): void;
  /** Something the user should know while the trace goes on. */
  notice(text: string): void;
  /** The ruleset of a namespace changed: for so long its chains may have been named wrong. */
  gap?(gap: HookGap): void;
  /** A program that the kernel turned down, with all that was said about it. */
  refused?(refused: RungRefused): void;
}

/** Where XDP alone is to be watched, there has to be a program that can be. Throws MissingError. */
function checkXdp({ attachments }: AttachPlan, xdp: XdpKeeper): void {
  if (xdp.isWatching || !attachments.every(({ program }) => program?.ofDevices)) return;
  throw new MissingError(
    'none of the devices has a native XDP program that can be watched',
    'watch another stage as well, or give one of them a program first',
  );
}

const passedIntervalMs = 100;

/** The filter for the kernel, or why it has none. */
function translated(filter: PacketFilter | undefined): { kernelFilter?: KernelFilter; reason?: string } {
  if (!filter) return {};
  try {
    return { kernelFilter: translate(filter.programs) };
  } catch (error) {
    if (error instanceof Untranslatable) return { reason: error.message };
    throw error;
  }
}

export class Trace {
  private readonly record = new RecordView();
  private readonly event: TapEvent;
  private readonly packet: DecodedPacket = emptyPacket();
  private readonly filter: PacketFilter | undefined;
  private readonly followed: FollowedPackets | undefined;
  /** Once everything is attached. */
  private startedAt = performance.now();
  private finish: (reason: EndReason) => void = () => undefined;
  private fail: (error: unknown) => void = () => undefined;
  private endReason: EndReason | undefined;
  private positionOf: (record: RecordView) => HookPosition | undefined = () => undefined;
  private takes: SocketTakes | undefined;
  private events = 0;
  private filteredOut = 0;
  private undecided = 0;
  private late = 0;

  constructor(
    private readonly native: NativeBinding,
    private readonly options: TraceOptions,
    private readonly sink: TraceSink,
    /** Read ahead of time, where it was. */
    private readonly kallsyms?: Promise<Buffer>,
  ) {
    this.filter = options.filter ? new PacketFilter(options.filter) : undefined;
    this.followed = options.follow === 'events' ? new FollowedPackets() : undefined;
    this.event = { seq: 0, record: this.record, packet: this.packet, late: false } as TapEvent;
  }

  /** Attaches, runs until stop(), count, duration or until nothing is left, detaches, drains, sums up. */
  async run(): Promise<TraceSummary> {
    const { native, options } = this;
    try {
      return await this.attachAndConsume();
    } catch (error) {
      throw explainFailure(error, { native, ringBytes: options.ringBytes, rings: possibleCpus() });
    }
  }

  private async attachAndConsume(): Promise<TraceSummary> {
    const { options, native } = this;
    const held = effectiveCapabilities();
    checkRights(held, options);
    const namespaces = resolveNetns(options.netns);
    const discover = namespaces.all ? allNetns : undefined;
    const devices = new Devices(native, namespaces.list, options.interfaces, discover);
    const armed = armedDevices(native, devices);
    const features = probeFeatures(native, options.stages, await this.kallsyms);
    checkBtf(features, options);
    const { kernelFilter, reason: untranslated } = translated(this.filter);
    const opened = openSession(
      native,
      this.planRequest(namespaces, devices),
      features,
      {
        ringBytes: options.ringBytes,
        cpus: possibleCpus(),
        snaplen: this.filter && !kernelFilter ? Math.max(options.snaplen, userFilterBytes) : options.snaplen,
        stacks: options.stacks,
        ...(kernelFilter && { kernelFilter }),
        selection: this.selectionFor(devices, kernelFilter !== undefined),
      },
      (refused) => this.sink.refused?.(refused),
    );
    const { session } = opened;
    const symbols = new KernelSymbols();
    const hooks = new NetfilterKeeper(native, session, devices, opened.plan.attachments);
    this.positionOf = (record) => hooks.positionOf(record);
    const xdp = new XdpKeeper(native, session, opened.plan);
    const keeper = new DeviceKeeper(session, devices, namespaces.all, options.follow !== undefined, xdp);
    try {
      keeper.start({
        notice: (text) => this.sink.notice(text),
        nothingLeft: () => this.stop('gone'),
        failed: (error) => this.fail(error),
      });
      checkXdp(opened.plan, xdp);
      hooks.start({
        notice: (text) => this.sink.notice(text),
        gap: (gap) => this.sink.gap?.(gap),
      });
      native.releaseBtf();
      this.startedAt = performance.now();
      const clocks = native.clocks();
      const wallOffsetNs = clocks.wallNs - clocks.bootNs;
      const names = new LiveNames(
        native,
        session,
        devices,
        wallOffsetNs,
        clocks.bootNs,
        symbols,
        options.stacks,
        new SocketHolders(armed.flatMap(({ by }) => by)),
      );
      const { takes, notes: takeNotes } = socketTakes(native, devices, opened.plan, held);
      this.takes = takes;
      const filtered = this.filterPlaces(opened.plan, session, untranslated);
      const notes = [
        ...(filtered?.notes ?? []),
        ...(features.btf && !features.tapListPerNetns ? armedFromElsewhere(native, devices, allNetns()) : []),
        ...visibilityNotes(opened.plan, devices),
        ...chainNotes(hooks.inventory, hooks.hooks),
        ...blindNotes(opened.plan, features.lockdown),
        ...(options.stacks ? stackNotes(opened.plan) : []),
        ...blindFilterNotes(opened.plan, options),
        ...symbolNotes(options, symbols),
        ...ownerNotes(armed, held),
        ...deliveryNotes(opened.plan, armed),
        ...takeNotes,
        ...(this.filter?.note ? [this.filter.note] : []),
      ];
      const rights =
        options.dropCapabilities &&
        dropRights(native, held, laterWork(opened.plan, namespaces, session.native));
      this.sink.header({
        options,
        features: opened.features,
        plan: opened.plan,
        devices,
        armed,
        notes,
        names,
        ...(hooks.isNeeded && { hooks: hooks.inventory }),
        xdp,
        ...(rights && { rights }),
        ...(filtered && { filterRuns: filtered.places }),
      });
      return await this.consume(session, opened.plan, xdp);
    } finally {
      keeper.stop();
      hooks.stop();
      session.close();
      symbols.close();
    }
  }

  /** What the kernel is asked to choose. Where it chooses nothing there is nothing to follow: all is told. */
  private selectionFor(devices: Devices, hasFilter: boolean): KernelSelection {
    const { selection = {}, follow, lookBack = false } = this.options;
    const chooses = hasFilter || !asksNothing(selection) || !devices.selectsAll;
    const reasons = selection.reasons ?? [];
    return kernelSelection({
      selection,
      reasons: reasons.length > 0 ? reasonNumbers(reasons, new DropReasons(this.native).all) : [],
      follow: chooses && follow !== undefined && !lookBack,
      lookBack: chooses && lookBack,
    });
  }

  /** `untranslated`: why no program was given the filter. */
  private filterPlaces(
    plan: AttachPlan,
    { unfiltered, filterRefused }: TapSession,
    untranslated: string | undefined,
  ): FilterPlaces | undefined {
    if (!this.filter) return undefined;
    const everywhere = new Set(plan.attachments.map(({ stage }) => stage));
    const { places, notes } = untranslated
      ? filterPlaces(plan, everywhere, untranslated)
      : filterPlaces(plan, unfiltered, filterRefused);
    const follows = this.options.follow !== undefined;
    const undecidable = this.filter.needsLinkHeader ? undecidableNotes(plan, follows) : [];
    return { places, notes: [...notes, ...undecidable] };
  }

  private planRequest(namespaces: { all: boolean; list: { inum: number }[] }, devices: Devices): PlanRequest {
    const { options } = this;
    const one = namespaces.list.length === 1 ? namespaces.list[0]!.inum : 'many';
    return {
      stages: options.stages,
      arm: options.arm,
      observeOnly: options.observeOnly,
      mechanisms: options.mechanisms,
      netnsInum: namespaces.all ? 'all' : one,
      selectDevices: !devices.selectsAll,
    };
  }

  private async consume(session: TapSession, plan: AttachPlan, xdp: XdpKeeper): Promise<TraceSummary> {
    const consumer = new Consumer(
      this.native,
      session.native,
      possibleCpus(),
      (batch, offset, late) => this.take(plan.attachments, batch, offset, late),
      () => this.sink.flush(),
      (error) => this.fail(error),
      () => this.sink.isCongested,
      plan.attachments.some(({ program }) => program?.onReturn) ? returnGraceNs : undefined,
    );
    const reason = await this.untilEnd(consumer);
    session.detachAll();
    if (reason !== 'count' && reason !== 'output-closed') consumer.finish();
    this.sink.end?.();
    const counts = plan.attachments.map((attachment) => session.counts(attachment));
    const ledger = makeLedger(plan.attachments, ({ attachId }) => counts[attachId]!, 0);
    return {
      reason,
      events: this.events,
      filteredOut: counts.reduce((sum, { filtered }) => sum + filtered, this.filteredOut),
      undecided: counts.reduce((sum, { undecided }) => sum + undecided, this.undecided),
      late: this.late,
      forgotten: counts.reduce((sum, { forgotten }) => sum + forgotten, 0),
      seconds: (performance.now() - this.startedAt) / 1000,
      ringHighWater: { bytes: consumer.highWaterBytes, ofBytes: this.options.ringBytes },
      ledger,
      notWatched: plan.watches.flatMap(({ stage, mechanism, reason }) =>
        mechanism ? [] : [{ stage, reason }],
      ),
      counted: xdp.counted(),
    };
  }

  private async untilEnd(consumer: Consumer): Promise<EndReason> {
    const { durationSeconds } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const passing = setInterval(() => this.tellPassed(consumer), passedIntervalMs);
    try {
      return await new Promise<EndReason>((resolve, reject) => {
        this.finish = resolve;
        this.fail = reject;
        if (this.endReason) resolve(this.endReason);
        if (durationSeconds !== undefined)
          timer = setTimeout(() => this.stop('duration'), durationSeconds * 1000);
        consumer.start();
      });
    } finally {
      clearInterval(passing);
      clearTimeout(timer);
      consumer.halt();
    }
  }

  private tellPassed(consumer: Consumer): void {
    try {
      this.sink.passed?.(consumer.givenOutUntilNs);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the trace in good order; run() then resolves. Further calls do nothing. */
  stop(reason: EndReason): void {
    if (this.endReason) return;
    this.endReason = reason;
    this.finish(reason);
  }

  private take(attachments: readonly Attachment[], batch: Batch, offset: number, late: boolean): void {
    const { options, record, packet, event } = this;
    if (options.count !== undefined && this.events >= options.count) return;
    record.at(batch, offset);
    const attachment = attachments[record.attachId];
    if (!attachment)
      throw new Error(`a record names attachment ${record.attachId}, which the plan does not have`);
    const stage = stageById(attachment.stage);
    decodePacket(record, packet, stage.id === 'rx-tap' && attachment.mechanism !== 'packet_socket');
    event.attachment = attachment;
    event.stage = stage;
    event.late = late;
    event.hook = attachment.mechanism === 'netfilter' ? this.positionOf(record) : undefined;
    if (!this.isWanted(event)) return;
    event.delivery = stage.id === 'delivery' ? this.takes?.delivery(record, packet) : undefined;
    if (packet.capLen > options.snaplen) packet.capLen = options.snaplen;
    this.events += 1;
    if (late) this.late += 1;
    event.seq = this.events;
    this.sink.event(event);
    if (this.events === options.count) this.stop('count');
  }

  private isWanted(event: TapEvent): boolean {
    if (this.options.follow === 'packets') return true;
    const isMatch = this.isMatch();
    return this.followed ? this.followed.takes(event, isMatch) : isMatch;
  }

  /** What the kernel says that it matched still has to pass the filter, where that is ours to run. */
  private isMatch(): boolean {
    if (this.record.choice !== tapChoice.matched) return false;
    if (!this.filter || this.record.filterResult === tapFilter.yes) return true;
    const answer = this.filter.match(this.record, this.packet);
    if (answer === verdict.yes) return true;
    if (answer === verdict.undecided) this.undecided += 1;
    else this.filteredOut += 1;
    return false;
  }
}
