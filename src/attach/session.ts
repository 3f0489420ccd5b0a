/** Carries out an attach plan: the one place that loads programs, opens packet sockets and closes them again. */
import { readFileSync } from 'node:fs';
import {
  tapCounters,
  tapCountersBytes,
  tapDevice,
  tapDeviceBytes,
  tapLink,
  tapLive,
  tapLiveBytes,
  tapSocketDevice,
  tapSocketDeviceBytes,
} from '../decode/layout.generated.js';
import { MissingError } from '../errors.js';
import { userFilterBytes } from '../filter/expression.js';
import type { KernelFilter } from '../filter/translate.js';
import {
  builtPath,
  isNativeError,
  type NativeBinding,
  type NativeSession,
  type ProgramSpec,
  type ProgramStats,
} from '../native/binding.js';
import { targetsOf } from '../stages/rungs.js';
import type { Mechanism, StageId } from '../stages/types.js';
import { hasLinkHeader, type Link } from '../system/links.js';
import { DeviceSets } from './device-sets.js';
import type { KernelFeatures } from './features.js';
import type { KernelSelection } from './kernel-selection.js';
import { type Attachment, type AttachPlan, isProbe, makePlan, type PlanRequest } from './plan.js';
import { isRefusal, type RefusalListener, RungRefused, refusalOf, refusalReason } from './refusal.js';
import { isKprobe } from './rungs.js';
import { withSummaries } from './summaries.js';

export interface SessionSettings {
  readonly ringBytes: number;
  readonly cpus: number;
  readonly snaplen: number;
  readonly stacks: boolean;
  /** Absent: every packet matches. */
  readonly kernelFilter?: KernelFilter;
  /** Absent: every packet is wanted. */
  readonly selection?: KernelSelection;
  /** Nothing is recorded before `record(true)`. */
  readonly startsPaused?: boolean;
}

/** Totals of one attachment over all CPUs. */
export interface AttachmentCounts {
  readonly filtered: number;
  readonly matched: number;
  readonly emitted: number;
  readonly lostRing: number;
  /** Packets that were no longer followed, since others had to be. */
  readonly forgotten: number;
  /** The filter could not tell. */
  readonly undecided: number;
  /** Null where the kernel does not count them. */
  readonly recursionMisses: number | null;
}

/** Where a link of ours is registered: NFPROTO_*, NF_INET_*, priority. */
export interface HookPlace {
  readonly family: number;
  readonly hook: number;
  readonly priority: number;
}

/** Distinct stacks that are kept: of all stages, where asked for; else of drops alone. */
const stackSlots = { asked: 16384, drops: 4096, none: 1 } as const;
const stackDepth = 64;

export interface OpenedSession {
  readonly session: TapSession;
  readonly plan: AttachPlan;
  readonly features: KernelFeatures;
}

/**
 * Loads and attaches what the plan says. Throws MissingError when no stage can be watched, or one not by the
 * mechanism asked for.
 */
export function openSession(
  native: NativeBinding,
  request: PlanRequest,
  features: KernelFeatures,
  settings: SessionSettings,
  onRefused?: RefusalListener,
): OpenedSession {
  return openPossible(native, request, features, settings, onRefused, (plan) => {
    checkForced(plan, request);
    if (plan.attachments.length === 0) throw nothingToAttach(plan);
  });
}

/**
 * Loads and attaches whatever can be, which may be nothing. What the kernel refuses is struck from the features and
 * the plan made again, so that the next rung gets its turn; each refusal strikes one way, so there is an end.
 * `check` may throw at a plan that will not do.
 */
export function openPossible(
  native: NativeBinding,
  request: PlanRequest,
  features: KernelFeatures,
  settings: SessionSettings,
  onRefused: RefusalListener = () => undefined,
  check: (plan: AttachPlan) => void = () => undefined,
): OpenedSession {
  const session = new TapSession(
    native,
    settings,
    attachmentsAtMost(request),
    stacksAtMost(request, settings),
    onRefused,
  );
  let current = features;
  try {
    for (;;) {
      const plan = makePlan(request, current);
      check(plan);
      const refused = session.follow(plan);
      if (!refused) return { session, plan, features: current };
      onRefused(refused);
      current = { ...current, refusals: [...current.refusals, refusalOf(refused)] };
    }
  } catch (error) {
    session.close();
    throw error;
  }
}

/** Plans that are made again may number their attachments otherwise, but never have more. */
function attachmentsAtMost({ stages }: PlanRequest): number {
  return stages.flatMap(({ ladder }) => ladder.filter(({ program }) => program).flatMap(targetsOf)).length;
}

function stacksAtMost({ stages }: PlanRequest, { stacks }: SessionSettings): number {
  if (stacks) return stackSlots.asked;
  return stages.some(({ id }) => id === 'drop') ? stackSlots.drops : stackSlots.none;
}

/** What the user asked for by name must not silently become something else. */
function checkForced(plan: AttachPlan, request: PlanRequest): void {
  for (const { stage, mechanism, passedOver, reason } of plan.watches) {
    const isTap = stage === 'rx-tap' || stage === 'tx-tap';
    const forced = request.mechanisms.get(stage) ?? (request.arm && isTap ? 'packet_socket' : undefined);
    if (!forced || mechanism === forced) continue;
    const why = passedOver.find((entry) => entry.mechanism === forced)?.reason ?? reason;
    const option = request.mechanisms.has(stage) ? `--mechanism ${stage}=${forced}` : '--arm';
    throw new MissingError(`${option} is not possible here: ${why}`, '"taptrace doctor" tells what is');
  }
}

function nothingToAttach(plan: AttachPlan): MissingError {
  const reasons = plan.watches.map(({ stage, mechanism, reason }) =>
    mechanism === 'counted' ? `${stage}: only counted, and told beside other stages` : `${stage}: ${reason}`,
  );
  return new MissingError(
    `none of the stages asked for can be watched here (${reasons.join('; ')})`,
    '"taptrace doctor" tells what this kernel and these rights allow',
  );
}

/** All that makes a loaded program what it is. */
function programKey({ mechanism, target, program }: Attachment): string {
  return JSON.stringify([mechanism, target, program]);
}

/** What user space has yet to choose is not followed: all packets are told instead. */
function withoutFollowing(constants: ProgramSpec['constants']): ProgramSpec['constants'] {
  return constants.follow_sets ? { ...constants, follow_sets: 0, look_back: 1 } : constants;
}

const hasBtfTarget = (mechanism: Mechanism): boolean => !isKprobe(mechanism) && !isProbe(mechanism);

const isEgress = ({ stage }: Attachment): boolean => stage === 'tc-egress';

export class TapSession {
  readonly native: NativeSession;
  private plan: AttachPlan = { attachments: [], watches: [] };
  /** Programs of each attachment: at most two, where one goes with the return of the function. */
  private readonly programs = new Map<number, readonly number[]>();
  /** Programs that are loaded, by all that makes them what they are, and those of them that are attached. */
  private readonly loaded = new Map<string, number[]>();
  private readonly attached = new Set<number>();
  /** Further instances of the packet-socket program, by namespace. */
  private readonly socketPrograms = new Map<number, number>();
  /** Instances of the netfilter program by slot: hooks share them, links at one hook do not. */
  private readonly hookPrograms: number[] = [];
  private readonly objects = new Map<string, Uint8Array>();
  /** Why the kernel did not take programs of an object with the filter in them. */
  private readonly filterRefusedIn = new Map<Uint8Array, string>();
  private readonly selected: DeviceSets;
  private isPaused: boolean;
  /** Stages whose packets the kernel does not filter, although it was to, and why. */
  readonly unfiltered = new Map<StageId, string>();

  constructor(
    binding: NativeBinding,
    private readonly settings: SessionSettings,
    attachmentsAtMost: number,
    stacksAtMost: number,
    /** Told of programs that the kernel takes only without the filter. */
    private readonly onRefused: RefusalListener = () => undefined,
  ) {
    this.isPaused = settings.startsPaused === true;
    this.native = new binding.Session({
      ringBytes: settings.ringBytes,
      rings: settings.cpus,
      mapEntries: {
        counters: Math.max(attachmentsAtMost, 1),
        stacks: stacksAtMost,
        followed: settings.selection?.constants.follow_sets ?? 1,
      },
    });
    this.selected = new DeviceSets(this.native);
  }

  private object(name: string): Uint8Array {
    let bytes = this.objects.get(name);
    if (!bytes) {
      bytes = readFileSync(builtPath(`dist/bpf/${name}.bpf.o`, `bpf/${name}.bpf.o`));
      this.objects.set(name, bytes);
    }
    return bytes;
  }

  /**
   * Loads and attaches what the plan says and is not there yet. What the last plan had and this one has too stays
   * as it is: loading takes time. Stops at the first program that the kernel refuses and gives it back.
   */
  follow(plan: AttachPlan): RungRefused | undefined {
    this.plan = plan;
    this.programs.clear();
    const wanted = new Set(plan.attachments.map(programKey));
    for (const [key, ids] of this.loaded) {
      if (wanted.has(key)) continue;
      for (const id of ids) this.unload(id);
      this.loaded.delete(key);
    }
    try {
      this.loadAll();
      this.attachAll();
      return undefined;
    } catch (error) {
      if (error instanceof RungRefused) return error;
      throw error;
    }
  }

  private unload(id: number): void {
    this.native.unload(id);
    this.attached.delete(id);
  }

  private loadAll(): void {
    for (const attachment of this.plan.attachments) this.refusable(attachment, () => this.load(attachment));
    if (this.hasPrograms) this.settle();
  }

  private load(attachment: Attachment): void {
    if (!attachment.program || attachment.program.ofDevices) return;
    const key = programKey(attachment);
    const { name, onReturn } = attachment.program;
    const ids = this.loaded.get(key) ?? [];
    this.loaded.set(key, ids);
    this.programs.set(attachment.attachId, ids);
    if (ids.length > 0) return;
    for (const one of onReturn === undefined ? [name] : [name, onReturn])
      ids.push(this.loadProgram(attachment, one));
  }

  private loadProgram(
    attachment: Attachment,
    name: string,
    constants: Record<string, number> = {},
    targetProgram?: number,
  ): number {
    const { program, mechanism, target } = attachment;
    const spec: ProgramSpec = {
      object: this.object(program!.object),
      program: name,
      constants: {
        ...program!.constants,
        ...this.settings.selection?.constants,
        ...constants,
        snaplen_max: this.settings.snaplen,
      },
      ...(targetProgram !== undefined ? { targetProgram } : hasBtfTarget(mechanism) && { target }),
      ...(mechanism === 'netfilter' && { type: mechanism }),
    };
    return this.loadWithFilter(spec, attachment);
  }

  /** Where the kernel takes the program but not with the filter in it, its packets are left to user space. */
  private loadWithFilter(spec: ProgramSpec, attachment: Attachment): number {
    const { stage } = attachment;
    const { kernelFilter } = this.settings;
    if (!kernelFilter) return this.loadSpec(spec);
    const refused = this.filterRefusedIn.get(spec.object);
    if (refused) return this.loadUnfiltered(spec, stage, refused);
    try {
      const constants = { ...spec.constants, ...kernelFilter.constants };
      return this.loadSpec({ ...spec, constants, filter: kernelFilter.body });
    } catch (error) {
      if (!isNativeError(error) || !isRefusal(error)) throw error;
      this.onRefused(new RungRefused(attachment, error, true));
      return this.loadUnfiltered(spec, stage, refusalReason(error));
    }
  }

  /** What one program is refused for, others of its object would be too, after as long a time. */
  private loadUnfiltered(spec: ProgramSpec, stage: StageId, reason: string): number {
    this.filterRefusedIn.set(spec.object, reason);
    this.unfiltered.set(stage, reason);
    const constants = { ...withoutFollowing(spec.constants), snaplen_max: this.snaplen };
    return this.loadSpec({ ...spec, constants });
  }

  private loadSpec(spec: ProgramSpec): number {
    return this.native.load({ ...spec, constants: withSummaries(spec.constants) });
  }

  private attachAll(): void {
    for (const attachment of this.plan.attachments) {
      if (attachment.mechanism === 'packet_socket') continue;
      // The return first: no entry is noted that nothing would take back.
      for (const id of [...(this.programs.get(attachment.attachId) ?? [])].reverse())
        if (!this.attached.has(id)) this.refusable(attachment, () => this.attach(attachment, id));
    }
  }

  private attach(attachment: Attachment, id: number): void {
    const { attachId, program, mechanism } = attachment;
    // Devices and hooks get their links later, each its own: here only whether there can be one.
    if (mechanism === 'tcx') this.native.tryTcx(id, isEgress(attachment));
    else if (mechanism === 'netfilter') this.native.tryNetfilterLink(id);
    else if (mechanism === 'cgroup_skb') this.native.attachCgroup(id);
    else this.native.attach(id, program?.kprobeSymbol, this.programs.get(attachId)?.[1] === id);
    this.attached.add(id);
  }

  private refusable(attachment: Attachment, action: () => void): void {
    try {
      action();
    } catch (error) {
      throw isNativeError(error) && isRefusal(error) ? new RungRefused(attachment, error) : error;
    }
  }

  /** What is left to user space has to bring the bytes that the filter asks for. */
  private get snaplen(): number {
    const { snaplen } = this.settings;
    return this.unfiltered.size > 0 ? Math.max(snaplen, userFilterBytes) : snaplen;
  }

  /** Fills the maps that say what is wanted: before anything is attached. */
  private settle(): void {
    this.setLive();
    for (const [map, keys] of Object.entries(this.settings.selection?.sets ?? {}))
      for (const key of keys) this.native.mapSet(map, key, new Uint8Array([1]));
  }

  /** Without one there are no maps. */
  private get hasPrograms(): boolean {
    return this.loaded.size > 0 || this.programs.size > 0;
  }

  /**
   * Has all programs record, or none of them. While some are attached and others are not, a packet would be seen at
   * some of its stages.
   */
  record(on: boolean): void {
    this.isPaused = !on;
    if (this.hasPrograms) this.setLive();
  }

  /** Changes what may change while programs run. */
  private setLive(): void {
    const value = new DataView(new ArrayBuffer(tapLiveBytes));
    value.setUint32(tapLive.snaplen, this.snaplen, true);
    value.setUint32(tapLive.stacks, Number(this.settings.stacks), true);
    value.setUint32(tapLive.paused, Number(this.isPaused), true);
    this.native.mapSet('live', new Uint8Array(4), new Uint8Array(value.buffer));
  }

  private deviceKey(netnsInum: number, ifindex: number): Uint8Array {
    const key = new DataView(new ArrayBuffer(tapDeviceBytes));
    key.setUint32(tapDevice.netnsInum, netnsInum, true);
    key.setUint32(tapDevice.ifindex, ifindex, true);
    return new Uint8Array(key.buffer);
  }

  private deviceNumber(netnsInum: number, ifindex: number): bigint {
    return new BigUint64Array(this.deviceKey(netnsInum, ifindex).buffer)[0]!;
  }

  selectNetns(netnsInum: number): void {
    this.native.mapSet(
      'selected_netns',
      new Uint8Array(new Uint32Array([netnsInum]).buffer),
      new Uint8Array([1]),
    );
  }

  selectDevice(netnsInum: number, ifindex: number): void {
    this.selected.select(this.deviceNumber(netnsInum, ifindex));
  }

  unselectDevice(netnsInum: number, ifindex: number): void {
    this.selected.unselect(this.deviceNumber(netnsInum, ifindex));
  }

  /**
   * Puts all that watches from the device itself on it: packet socket (with `arm`), tcx programs. Gives back what takes
   * it off again. A device that has gone meanwhile is left alone.
   */
  watchDevice(
    netns: { inum: number; path: string | null },
    link: Pick<Link, 'ifindex' | 'type'>,
    arm: boolean,
  ): (() => void)[] {
    const closers: (() => void)[] = [];
    try {
      const socket = arm ? this.arm(netns, link) : undefined;
      if (socket !== undefined) closers.push(() => this.disarm(socket, netns.inum, link.ifindex));
      for (const attachment of this.plan.attachments.filter(({ mechanism }) => mechanism === 'tcx')) {
        const [program] = this.programs.get(attachment.attachId)!;
        const tcx = this.native.openTcx(program!, netns.path, link.ifindex, isEgress(attachment));
        closers.push(() => this.native.closeTcx(tcx));
      }
    } catch (error) {
      // It went away between the look and the socket.
      if (!isNativeError(error) || (error.code !== 'ENODEV' && error.code !== 'ENXIO')) throw error;
    }
    return closers;
  }

  /** Opens our packet socket on a device; from then on it watches the tap there. Returns its number. */
  arm(
    netns: { inum: number; path: string | null },
    link: Pick<Link, 'ifindex' | 'type'>,
  ): number | undefined {
    const sockets = this.plan.attachments.filter(({ mechanism }) => mechanism === 'packet_socket');
    const carrier = sockets.find(({ program }) => program);
    if (!carrier) return undefined;
    const incomingOnly = !sockets.some(({ stage }) => stage === 'tx-tap');
    const program = this.socketProgram(carrier, netns.inum);
    this.setSocketDevice(netns.inum, link, false);
    const socket = this.native.openPacketSocket(program, netns.path, link.ifindex, incomingOnly);
    this.setSocketDevice(netns.inum, link, true);
    return socket;
  }

  /**
   * Whether a packet socket with our program as its filter can be had: tried with one that is in no tap list, and so
   * arms nothing. Throws NativeError where it cannot.
   */
  tryPacketSocket(): void {
    const carrier = this.plan.attachments.find((one) => one.mechanism === 'packet_socket' && one.program);
    if (carrier) this.native.tryPacketSocket(this.programs.get(carrier.attachId)![0]!);
  }

  /** Registers the slot's instance of the netfilter program; loads it where it is not yet. Throws NativeError. */
  openHookLink(slot: number, netnsPath: string | null, place: HookPlace): number {
    const { family, hook, priority } = place;
    return this.native.openNetfilterLink(this.hookProgram(slot), netnsPath, family, hook, priority);
  }

  private hookProgram(slot: number): number {
    const carrier = this.plan.attachments.find((one) => one.mechanism === 'netfilter' && one.program);
    if (!carrier) throw new Error('the plan watches no netfilter hook');
    this.hookPrograms[slot] ??=
      slot === 0
        ? this.programs.get(carrier.attachId)![0]!
        : this.loadProgram(carrier, carrier.program!.name, { slot });
    return this.hookPrograms[slot]!;
  }

  closeHookLink(link: number): void {
    this.native.closeNetfilterLink(link);
  }

  /** Watches the return of the BPF program of this number; returns the number of ours. Throws NativeError. */
  openXdp(attachment: Attachment, programId: number): number {
    const id = this.loadProgram(attachment, attachment.program!.name, {}, programId);
    try {
      this.settle();
      this.native.attach(id);
    } catch (error) {
      this.native.unload(id);
      throw error;
    }
    this.programs.set(attachment.attachId, [...(this.programs.get(attachment.attachId) ?? []), id]);
    return id;
  }

  closeXdp({ attachId }: Attachment, id: number): void {
    const others = this.programs.get(attachId)?.filter((one) => one !== id) ?? [];
    this.programs.set(attachId, others);
    this.native.unload(id);
  }

  /** Of the watched programs' runs only those for selected devices count. */
  selectXdpDevice(netnsInum: number, ifindex: number): void {
    this.native.mapSet('xdp_devices', this.deviceKey(netnsInum, ifindex), new Uint8Array([1]));
  }

  unselectXdpDevice(netnsInum: number, ifindex: number): void {
    this.native.mapDelete('xdp_devices', this.deviceKey(netnsInum, ifindex));
  }

  /** A program that knows nothing but its socket's context has to be told the namespace: one for each. */
  private socketProgram(carrier: Attachment, netnsInum: number): number {
    const planned = this.programs.get(carrier.attachId)![0]!;
    const { access, constants, name } = carrier.program!;
    if (access !== 'context' || constants.own_netns === netnsInum) return planned;
    const loaded =
      this.socketPrograms.get(netnsInum) ?? this.loadProgram(carrier, name, { own_netns: netnsInum });
    this.socketPrograms.set(netnsInum, loaded);
    return loaded;
  }

  private setSocketDevice(
    netnsInum: number,
    { ifindex, type }: Pick<Link, 'ifindex' | 'type'>,
    armed: boolean,
  ): void {
    const value = new DataView(new ArrayBuffer(tapSocketDeviceBytes));
    value.setUint16(tapSocketDevice.linkType, type, true);
    value.setUint8(tapSocketDevice.link, hasLinkHeader(type) ? tapLink.device : tapLink.network);
    value.setUint8(tapSocketDevice.armed, Number(armed));
    this.native.mapSet('socket_devices', this.deviceKey(netnsInum, ifindex), new Uint8Array(value.buffer));
  }

  disarm(socket: number, netnsInum: number, ifindex: number): void {
    this.native.mapDelete('socket_devices', this.deviceKey(netnsInum, ifindex));
    this.native.closePacketSocket(socket);
  }

  /** Detaches every program; what is already in the rings can still be drained. Counters stay readable. */
  detachAll(): void {
    this.native.detachAll();
  }

  counts(attachment: Attachment): AttachmentCounts {
    const values = this.native.mapGetPerCpu('counters', attachment.attachId, tapCountersBytes);
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    const sum = (field: number): number => {
      let total = 0;
      for (let cpu = 0; cpu < values.length; cpu += tapCountersBytes)
        total += Number(view.getBigUint64(cpu + field, true));
      return total;
    };
    return {
      filtered: sum(tapCounters.filtered),
      matched: sum(tapCounters.matched),
      emitted: sum(tapCounters.emitted),
      lostRing: sum(tapCounters.lostRing),
      forgotten: sum(tapCounters.forgotten),
      undecided: sum(tapCounters.undecided),
      recursionMisses: this.recursionMisses(attachment),
    };
  }

  /**
   * Socket filters, tc, netfilter and cgroup programs, which are our probes, are never skipped
   * (kernel/bpf/trampoline.c skips its own alone); tracing programs are, when interrupted. Of a kprobe the kernel counts only some of the hits it skips, and those only since 6.7: not known. Where another
   * program shows what this one was skipped for, nothing is lost.
   */
  private recursionMisses(attachment: Attachment): number | null {
    if (attachment.covered || isProbe(attachment.mechanism)) return 0;
    if (!attachment.program) return this.carrierCountsMisses(attachment) ? 0 : null;
    if (isKprobe(attachment.mechanism)) return null;
    if (attachment.program.ofDevices) return this.missesOfDevices(attachment);
    return this.stats(attachment)?.recursionMisses ?? null;
  }

  /** Null where one of the programs does not tell. */
  private missesOfDevices({ attachId }: Attachment): number | null {
    const misses = (this.programs.get(attachId) ?? []).map(
      (id) => this.native.programStats(id).recursionMisses,
    );
    return misses.reduce<number | null>((sum, one) => (sum === null || one === null ? null : sum + one), 0);
  }

  /** What a program that serves several attachments was skipped for is told of the one that carries it. */
  private carrierCountsMisses({ mechanism, target }: Attachment): boolean {
    const carrier = this.plan.attachments.find(
      (one) => one.program && one.mechanism === mechanism && one.target === target,
    );
    return carrier !== undefined && this.recursionMisses(carrier) !== null;
  }

  /** Of the program that sees packets, which may serve other attachments too: the carrier's counts have them all. */
  stats(attachment: Attachment): ProgramStats | undefined {
    const [id] = this.programs.get(attachment.attachId) ?? [];
    return id === undefined ? undefined : this.native.programStats(id);
  }

  /** Return addresses of a stack, innermost first. */
  stack(stackId: number): bigint[] {
    const key = new Uint8Array(new Int32Array([stackId]).buffer);
    const value = this.native.mapGet('stacks', key, stackDepth * 8);
    if (!value) return [];
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const addresses: bigint[] = [];
    for (let i = 0; i < stackDepth; i += 1) {
      const address = view.getBigUint64(i * 8, true);
      if (address === 0n) break;
      addresses.push(address);
    }
    return addresses;
  }

  close(): void {
    this.native.close();
  }
}
