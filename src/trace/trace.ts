/**
 * A live trace from the attach plan to events in order. It knows nothing of output: a sink gets the header,
 * each event, and the summary.
 */
import { type KernelFeatures, probeFeatures } from '../attach/features.js';
import { type KernelSelection, kernelSelection } from '../attach/kernel-selection.js';
import { watchesHooks } from '../attach/netfilter.js';
import type { AttachPlan, PlanRequest } from '../attach/plan.js';
import type { RungRefused } from '../attach/refusal.js';
import { openSession, type TapSession } from '../attach/session.js';
import { MissingError } from '../errors.js';
import { Untranslatable } from '../filter/ebpf.js';
import { userFilterBytes } from '../filter/expression.js';
import { PacketFilter } from '../filter/filter.js';
import { type KernelFilter, translate } from '../filter/translate.js';
import type { NativeBinding } from '../native/binding.js';
import type { RuleTraces } from '../netfilter/rule-trace.js';
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
import { Consumer, graceNs, returnGraceNs } from './consumer.js';
import { DeviceKeeper } from './device-keeper.js';
import type { DeviceTable } from './device-table.js';
import { Devices } from './devices.js';
import { type DroppedRights, dropRights, laterWork } from './drop-rights.js';
import type { TapEvent } from './event.js';
import { type EventContext, EventMaker } from './event-maker.js';
import { explainFailure } from './failures.js';
import { type FilterPlaces, filterPlaces, undecidableNotes } from './filter-place.js';
import { FollowedPackets } from './followed.js';
import { KernelNames } from './kernel-names.js';
import { type AttachmentLoss, attachmentLosses, type Ledger, makeLedger } from './ledger.js';
import { ownerNotes, symbolNotes } from './limits.js';
import type { KernelCounts, RingReader, TraceLog } from './log.js';
import { TraceNames } from './names.js';
import { type HookGap, NetfilterKeeper } from './netfilter-keeper.js';
import type { TraceOptions } from './options.js';
import { asksNothing } from './packet-selection.js';
import { checkBtf, checkRights } from './rights.js';
import { RuleTraceKeeper } from './rule-trace-keeper.js';
import { Selection, type SelectionOptions } from './selection.js';
import { SocketHolders } from './socket-holders.js';
import { socketTakes } from './socket-setups.js';
import { type CountedXdp, XdpKeeper } from './xdp-keeper.js';

/** Known once everything is attached, before the first event. */
export interface TraceHeader {
  readonly options: TraceOptions;
  readonly features: Pick<KernelFeatures, 'release'>;
  readonly plan: AttachPlan;
  readonly devices: DeviceTable;
  readonly armed: readonly ArmedDevice[];
  readonly notes: readonly string[];
  readonly names: TraceNames;
  /** Where links of ours watch netfilter hooks: the base chains of every namespace, read before. */
  readonly hooks?: readonly HookInventory[];
  /** Which XDP program a device has. */
  readonly xdp: Pick<XdpKeeper, 'programAt'>;
  /** Absent where capabilities stay as they are. */
  readonly rights?: DroppedRights;
  /** Where the filter runs; absent without one. */
  readonly filterRuns?: FilterPlaces['places'];
}

/** Why a trace ended; `gone`: nothing that was asked for is left to watch; `split`: it goes on in another recording. */
export type EndReason = 'split' | 'asked' | 'count' | 'duration' | 'gone' | 'output-closed';

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
  /** Of a recording that does not hold all that it was to hold: the byte from which on nothing is whole. */
  readonly broken?: { readonly how: 'cut' | 'damaged'; readonly offset: number };
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
  /** What nft's tracing told; before the events that come after it. */
  ruleTraces?(traces: RuleTraces): void;
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

/** What a trace writes down. */
export interface TraceRecording {
  readonly log: TraceLog;
  /** False: the sink gets no events, and nothing is put in order. */
  readonly showsEvents: boolean;
}

/** The filter for the kernel, or why it has none. */
function translated(filter: PacketFilter | undefined): { kernelFilter?: KernelFilter; reason?: string } {
  if (!filter) return {};
  const { programs } = filter;
  if (!programs) return { reason: filter.note ?? 'it is compiled as for a file' };
  try {
    return { kernelFilter: translate(programs) };
  } catch (error) {
    if (error instanceof Untranslatable) return { reason: error.message };
    throw error;
  }
}

/** What came of choosing packets in the kernel. */
function kernelCounts({ attachments }: AttachPlan, session: TapSession): KernelCounts {
  const counts = attachments.map((attachment) => session.counts(attachment));
  const sum = (of: keyof KernelCounts) => counts.reduce((total, one) => total + one[of], 0);
  return { filtered: sum('filtered'), undecided: sum('undecided'), forgotten: sum('forgotten') };
}

export class Trace {
  private readonly filter: PacketFilter | undefined;
  private readonly selection: Selection;
  /** When recording began. */
  private startedAt = performance.now();
  private finish: (reason: EndReason) => void = () => undefined;
  private fail: (error: unknown) => void = () => undefined;
  private endReason: EndReason | undefined;

  constructor(
    private readonly native: NativeBinding,
    private readonly options: TraceOptions,
    private readonly sink: TraceSink,
    /** Read ahead of time, where it was. */
    private readonly kallsyms?: Promise<Buffer>,
    private readonly recording?: TraceRecording,
  ) {
    this.filter = options.filter ? new PacketFilter(options.filter) : undefined;
    this.selection = new Selection(this.selectionOptions());
  }

  private selectionOptions(): SelectionOptions {
    const { count, follow } = this.options;
    if (follow === 'packets') return { count };
    const followed = follow === 'events' ? new FollowedPackets() : undefined;
    return { count, filter: this.filter, kernelDecides: true, followed };
  }

  private get log(): TraceLog | undefined {
    return this.recording?.log;
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
        startsPaused: true,
        ...(kernelFilter && { kernelFilter }),
        selection: this.selectionFor(devices, kernelFilter !== undefined),
      },
      (refused) => this.sink.refused?.(refused),
    );
    const { session } = opened;
    const symbols = new KernelSymbols();
    const hooks = new NetfilterKeeper(native, session, devices, opened.plan.attachments, (placement) =>
      this.log?.hookPlaced(placement),
    );
    const rules = this.listensToRules(opened.plan) ? this.ruleTraceKeeper(devices) : undefined;
    const xdp = new XdpKeeper(native, session, opened.plan, (...which) => this.log?.xdpProgram(...which));
    const keeper = new DeviceKeeper(session, devices, namespaces.all, options.follow !== undefined, xdp);
    try {
      keeper.start({
        notice: (text) => this.notice(text),
        nothingLeft: () => this.stop('gone'),
        failed: (error) => this.fail(error),
      });
      checkXdp(opened.plan, xdp);
      hooks.start({
        notice: (text) => this.notice(text),
        gap: (gap) => {
          this.sink.gap?.(gap);
          this.log?.gap(gap);
        },
      });
      rules?.start();
      native.releaseBtf();
      const holders = new SocketHolders(armed.flatMap(({ by }) => by));
      const source = new KernelNames(native, session, devices, symbols, holders);
      const { sockets, takes, notes: takeNotes } = socketTakes(native, devices, opened.plan, held);
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
      ];
      const rights =
        options.dropCapabilities &&
        dropRights(native, held, laterWork(opened.plan, namespaces, session.native, rules !== undefined));
      const clocks = native.clocks();
      session.record(true);
      this.startedAt = performance.now();
      const clock = { bootNs: clocks.bootNs, wallOffsetNs: clocks.wallNs - clocks.bootNs };
      const names = new TraceNames(source, clock, options.stacks);
      const header: TraceHeader = {
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
      };
      this.sink.header(header);
      this.log?.begin({ header, clock, source, rings: possibleCpus(), ...(sockets && { sockets }) });
      const context: EventContext = {
        ...{ attachments: opened.plan.attachments, takes, snaplen: options.snaplen },
        positionOf: (record) => hooks.positionOf(record),
      };
      return await this.consume(session, opened.plan, xdp, context, clock.bootNs, rules);
    } finally {
      keeper.stop();
      hooks.stop();
      rules?.stop();
      session.close();
      symbols.close();
    }
  }

  /** Rules are shown at the hooks of packets that are followed; listening has the kernel make messages of them. */
  private listensToRules(plan: AttachPlan): boolean {
    const { follow, observeOnly } = this.options;
    return watchesHooks(plan.attachments) && (follow === 'packets' || this.log !== undefined) && !observeOnly;
  }

  private ruleTraceKeeper(devices: Devices): RuleTraceKeeper {
    return new RuleTraceKeeper(this.native, devices, {
      notice: (text) => this.notice(text),
      traces: (traces) => {
        this.sink.ruleTraces?.(traces);
        this.log?.ruleTraces(traces);
      },
    });
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
    { unfiltered }: TapSession,
    untranslated: string | undefined,
  ): FilterPlaces | undefined {
    if (!this.filter) return undefined;
    const stages = plan.attachments.map(({ stage }) => stage);
    const { places, notes } = filterPlaces(
      plan,
      untranslated ? new Map(stages.map((stage) => [stage, untranslated])) : unfiltered,
    );
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

  private notice(text: string): void {
    this.sink.notice(text);
    this.log?.notice(text);
  }

  private async consume(
    session: TapSession,
    plan: AttachPlan,
    xdp: XdpKeeper,
    context: EventContext,
    baseNs: bigint,
    rules: RuleTraceKeeper | undefined,
  ): Promise<TraceSummary> {
    const { log, selection } = this;
    const maker = new EventMaker(context, [selection], (event) => {
      this.sink.event(event);
      if (selection.isFull) this.stop('count');
    });
    const losses = (): AttachmentLoss[] =>
      attachmentLosses(plan.attachments, (attachment) => session.counts(attachment));
    let recordingFailure: Error | undefined;
    log?.connect({
      losses,
      closed: () => this.stop('output-closed'),
      enough: () => this.stop('count'),
      failed: (error) => {
        recordingFailure = error;
        this.fail(error);
      },
    });
    const isQuiet = this.recording?.showsEvents === false;
    const how = {
      behindNs: plan.attachments.some(({ program }) => program?.onReturn) ? returnGraceNs : graceNs,
      lazyBelowBytes: isQuiet ? this.options.ringBytes / 8 : 0,
      drained: rules && (() => rules.read()),
    };
    const own = isQuiet ? log!.reader(session.native, how) : undefined;
    const reader: RingReader =
      own ??
      new Consumer(
        this.native,
        session.native,
        possibleCpus(),
        isQuiet ? undefined : (batch, offset, late, gap) => maker.take(batch, offset, late, gap),
        () => this.sink.flush(),
        (error) => this.fail(error),
        () => this.sink.isCongested,
        { ...how, baseNs, log },
      );
    const reason = await this.untilEnd(reader);
    session.record(false);
    const endNs = this.native.clocks().bootNs;
    session.detachAll();
    if (reason !== 'count' && reason !== 'output-closed') {
      reader.finish();
      this.passed(endNs);
    }
    this.sink.end?.();
    const lost = losses();
    const kernel = kernelCounts(plan, session);
    const { events, late } = maker;
    const summary: TraceSummary = {
      ...{ reason, late },
      events: isQuiet ? log!.events : events,
      filteredOut: maker.filteredOut + kernel.filtered,
      undecided: maker.undecided + kernel.undecided,
      forgotten: kernel.forgotten,
      seconds: (performance.now() - this.startedAt) / 1000,
      ringHighWater: { bytes: reader.highWaterBytes, ofBytes: this.options.ringBytes },
      ledger: makeLedger(plan.attachments, lost, 0),
      notWatched: plan.watches.flatMap(({ stage, mechanism, reason }) =>
        mechanism ? [] : [{ stage, reason }],
      ),
      counted: xdp.counted(),
    };
    log?.end(summary, lost, kernel);
    if (recordingFailure) throw recordingFailure;
    return summary;
  }

  private passed(bootNs: bigint): void {
    this.sink.passed?.(bootNs);
    this.log?.passed(bootNs);
  }

  private tellPassed(reader: RingReader): void {
    try {
      this.passed(reader.givenOutUntilNs);
    } catch (error) {
      this.fail(error);
    }
  }

  private async untilEnd(reader: RingReader): Promise<EndReason> {
    const { durationSeconds } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const passing = setInterval(() => this.tellPassed(reader), passedIntervalMs);
    try {
      return await new Promise<EndReason>((resolve, reject) => {
        this.finish = resolve;
        this.fail = reject;
        if (this.endReason) resolve(this.endReason);
        if (durationSeconds !== undefined)
          timer = setTimeout(() => this.stop('duration'), durationSeconds * 1000);
        reader.start();
      });
    } finally {
      clearTimeout(timer);
      clearInterval(passing);
      reader.halt();
    }
  }

  /** Ends the trace in good order; run() then resolves. Further calls do nothing. */
  stop(reason: EndReason): void {
    if (this.endReason) return;
    this.endReason = reason;
    this.finish(reason);
  }
}
