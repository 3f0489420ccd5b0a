/**
 * Keeps the kernel's side of a trace in step with devices that come and go: which are selected, and on which
 * our own packet sockets and tcx programs sit.
 */
import type { TapSession } from '../attach/session.js';
import { printable } from '../render/printable.js';
import type { Device, Devices } from './devices.js';
import type { XdpKeeper } from './xdp-keeper.js';

const refreshIntervalMs = 250;

const key = ({ netns, link }: Device): string => `${netns.inum}/${link.ifindex}`;

export interface KeeperListener {
  notice(text: string): void;
  /** No device that was asked for is left. */
  nothingLeft(): void;
  failed(error: unknown): void;
}

export class DeviceKeeper {
  /** What takes our probes off a device. */
  private readonly closers = new Map<string, (() => void)[]>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly session: TapSession,
    private readonly devices: Devices,
    private readonly allNetns: boolean,
    /** Packets are followed to devices that were not asked for: these are watched as well, but not armed. */
    private readonly followPackets: boolean,
    private readonly xdp: XdpKeeper,
  ) {}

  /** Selects what is there and puts our probes on it, then looks again from time to time. */
  start(listener: KeeperListener): void {
    if (!this.allNetns && this.devices.netns.length > 1)
      for (const { inum } of this.devices.netns) this.session.selectNetns(inum);
    for (const device of this.devices.all) this.add(device);
    this.followXdp(listener);
    this.timer = setInterval(() => this.tryRefresh(listener), refreshIntervalMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private isWatched(device: Device): boolean {
    return this.followPackets || this.devices.isSelected(device);
  }

  private followXdp({ notice }: KeeperListener): void {
    const devices = this.devices.present.filter((device) => this.isWatched(device));
    this.xdp.follow(devices, notice);
  }

  private add(device: Device): void {
    const { netns, link } = device;
    const isSelected = this.devices.isSelected(device);
    if (!this.isWatched(device)) return;
    if (isSelected && !this.devices.selectsAll) this.session.selectDevice(netns.inum, link.ifindex);
    this.closers.set(key(device), this.session.watchDevice(netns, link, isSelected));
  }

  private drop(device: Device): void {
    const { netns, link } = device;
    if (!this.devices.selectsAll) this.session.unselectDevice(netns.inum, link.ifindex);
    for (const close of this.closers.get(key(device)) ?? []) close();
    this.closers.delete(key(device));
  }

  private tryRefresh(listener: KeeperListener): void {
    try {
      this.refresh(listener);
    } catch (error) {
      this.stop();
      listener.failed(error);
    }
  }

  private refresh(listener: KeeperListener): void {
    const { notice, nothingLeft } = listener;
    const { added, removed, renamed, goneNetns } = this.devices.refresh();
    for (const device of renamed) this.drop(device);
    for (const device of [...added, ...renamed]) this.add(device);
    for (const device of removed) {
      this.drop(device);
      if (this.devices.isSelected(device)) notice(`interface ${printable(device.link.name)} is gone`);
    }
    this.followXdp(listener);
    for (const netns of goneNetns) notice(`network namespace ${printable(netns.name)} is gone`);
    const lostOne = removed.length + goneNetns.length > 0;
    if (lostOne && !this.devices.anyLeft) nothingLeft();
  }
}
