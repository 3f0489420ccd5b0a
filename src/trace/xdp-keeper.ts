/**
 * Native XDP programs of devices, as they come and go: the return of each is watched where it can be; else what the
 * driver counts of its verdicts is read at the beginning and at the end.
 */
import type { Attachment, AttachPlan } from '../attach/plan.js';
import { refusalReason } from '../attach/refusal.js';
import type { TapSession } from '../attach/session.js';
import { isNativeError, type NativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';
import { readXdpCounts, takenVerdicts, type XdpCounts } from '../system/xdp-counts.js';
import type { Device } from './devices.js';

export interface XdpProgram {
  /** The kernel's number of it. */
  readonly id: number;
  /** Absent where it has none, or where it may not be asked for (CAP_SYS_ADMIN). */
  readonly name?: string;
}

/** What a driver counted during the run of frames that its XDP program took. */
export interface CountedXdp {
  readonly stage: 'xdp';
  readonly netns: number;
  readonly ifindex: number;
  readonly ifname: string;
  readonly program: XdpProgram;
  /** Frames by verdict; those that the driver does not count are absent. */
  readonly frames: XdpCounts;
}

interface Watched {
  readonly device: Device;
  readonly programId: number;
  /** Of ours, at the return of the device's program; absent where the driver's counters have to do. */
  readonly watcher?: number;
}

interface Baseline {
  readonly device: Device;
  readonly counts: XdpCounts;
}

const key = ({ netns, link }: Device): string => `${netns.inum}/${link.ifindex}`;

export class XdpKeeper {
  private readonly devices = new Map<string, Watched>();
  /** Programs of ours by the number of the one that they watch. */
  private readonly watchers = new Map<number, number>();
  private readonly baselines = new Map<string, Baseline>();
  private readonly programs = new Map<number, XdpProgram>();
  private readonly attachment: Attachment | undefined;
  private readonly isAsked: boolean;

  constructor(
    private readonly native: NativeBinding,
    private readonly session: TapSession,
    { attachments, watches }: AttachPlan,
    /** Is told which program a device has from now on; undefined: none. */
    private readonly changed: (
      netnsInum: number,
      ifindex: number,
      program: XdpProgram | undefined,
    ) => void = () => undefined,
  ) {
    this.attachment = attachments.find(({ program }) => program?.ofDevices);
    this.isAsked = watches.some(({ stage, mechanism }) => stage === 'xdp' && mechanism !== undefined);
  }

  /** Whether some program is watched. */
  get isWatching(): boolean {
    return this.watchers.size > 0;
  }

  /** Watches the programs that these devices have now, and no others. */
  follow(devices: readonly Device[], notice: (text: string) => void): void {
    if (!this.isAsked) return;
    const present = new Set(devices.map(key));
    for (const [id, watched] of this.devices) if (!present.has(id)) this.leave(id, watched);
    for (const device of devices) {
      const watched = this.devices.get(key(device));
      if (watched?.programId === device.link.nativeXdp) continue;
      if (watched) this.leave(key(device), watched);
      if (device.link.nativeXdp !== undefined) this.enter(device, device.link.nativeXdp, notice);
    }
    this.closeUnused();
  }

  private enter(device: Device, programId: number, notice: (text: string) => void): void {
    const { netns, link } = device;
    this.programs.set(programId, this.programFacts(programId));
    const { watcher, reason } = this.watcherOf(programId);
    this.devices.set(key(device), { device, programId, ...(watcher !== undefined && { watcher }) });
    this.changed(netns.inum, link.ifindex, this.programs.get(programId));
    if (watcher !== undefined) this.session.selectXdpDevice(netns.inum, link.ifindex);
    else this.count(device, reason, notice);
  }

  private leave(id: string, { device: { netns, link }, watcher }: Watched): void {
    if (watcher !== undefined) this.session.unselectXdpDevice(netns.inum, link.ifindex);
    this.devices.delete(id);
    this.changed(netns.inum, link.ifindex, undefined);
  }

  private closeUnused(): void {
    const used = new Set([...this.devices.values()].map(({ programId }) => programId));
    for (const [programId, watcher] of this.watchers) {
      if (used.has(programId)) continue;
      this.session.closeXdp(this.attachment!, watcher);
      this.watchers.delete(programId);
    }
  }

  private programFacts(id: number): XdpProgram {
    try {
      const name = this.native.bpfProgramName(id);
      return name === '' ? { id } : { id, name: printable(name) };
    } catch {
      return { id };
    }
  }

  private watcherOf(programId: number): { watcher?: number; reason?: string } {
    if (!this.attachment) return {};
    try {
      const watcher = this.watchers.get(programId) ?? this.session.openXdp(this.attachment, programId);
      this.watchers.set(programId, watcher);
      return { watcher };
    } catch (error) {
      if (!isNativeError(error)) throw error;
      const isBare = error.operation === 'find BTF of the program';
      return { reason: isBare ? 'it has no BTF' : refusalReason(error) };
    }
  }

  private count(device: Device, reason: string | undefined, notice: (text: string) => void): void {
    const { netns, link } = device;
    const name = printable(link.name);
    const counts = readXdpCounts(this.native, netns.path, link.name);
    if (counts && !this.baselines.has(key(device))) this.baselines.set(key(device), { device, counts });
    const why = reason === undefined ? '' : ` cannot be watched (${reason})`;
    if (!counts)
      notice(
        `what the XDP program of ${name} takes is not seen: it${why || ' is not watched'}, and the driver does not count it`,
      );
    else if (why) notice(`the XDP program of ${name}${why}: what it takes is counted by the driver`);
  }

  /** The program of a device, where it has one. */
  programAt(netnsInum: number, ifindex: number): XdpProgram | undefined {
    const watched = this.devices.get(`${netnsInum}/${ifindex}`);
    return watched && this.programs.get(watched.programId);
  }

  /** What drivers have counted since the beginning; of devices that are gone nothing can be said. */
  counted(): CountedXdp[] {
    return [...this.baselines].flatMap(([id, { device, counts }]): CountedXdp[] => {
      const { netns, link } = device;
      const now = readXdpCounts(this.native, netns.path, link.name);
      if (!now) return [];
      const frames = Object.fromEntries(
        takenVerdicts.flatMap((verdict) =>
          now[verdict] === undefined ? [] : [[verdict, now[verdict] - (counts[verdict] ?? 0)]],
        ),
      );
      const program = this.programs.get(this.devices.get(id)?.programId ?? link.nativeXdp!)!;
      return [{ stage: 'xdp', netns: netns.inum, ifindex: link.ifindex, ifname: link.name, program, frames }];
    });
  }
}
