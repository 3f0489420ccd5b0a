/** The devices a live trace looks at, and what comes and goes while it runs. */
import { UsageError } from '../errors.js';
import { isNativeError, type NativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';
import { type Link, readLinks } from '../system/links.js';
import { type Netns, netnsInum } from '../system/netns.js';
import { NetnsIds } from '../system/netns-ids.js';
import { type Device, DeviceTable, deviceMatcher, isGlob, deviceKey as key } from './device-table.js';

export type { Device } from './device-table.js';

export interface DeviceChanges {
  readonly added: readonly Device[];
  readonly removed: readonly Device[];
  /** Have another name now, by which they may have been asked for. */
  readonly renamed: readonly Device[];
  /** Namespaces whose name or process is gone. */
  readonly goneNetns: readonly Netns[];
}

/** What one look finds. */
interface Found {
  readonly seen: Set<string>;
  readonly added: Device[];
  readonly renamed: Device[];
}

function isThere(netns: Netns): boolean {
  if (netns.path === null) return true;
  try {
    return netnsInum(netns.path) === netns.inum;
  } catch {
    return false;
  }
}

/** The links of a namespace that was asked for. Throws UsageError where it is none. */
function linksOfNamed(native: NativeBinding, netns: Netns): Link[] {
  try {
    return readLinks(native, netns.path);
  } catch (error) {
    // setns(2): EINVAL for a file that is no namespace, or one of another kind.
    if (netns.path === null || !isNativeError(error) || error.code !== 'EINVAL') throw error;
    throw new UsageError(
      `'${printable(netns.name)}' is no network namespace (looked at ${printable(netns.path)})`,
      undefined,
      'not-found',
    );
  }
}

export class Devices extends DeviceTable {
  private readonly gone = new Set<string>();
  /** Devices that were looked for between two refreshes; undefined: not found. */
  private readonly newcomers = new Map<string, Device | undefined>();
  private namespaces: Netns[];
  private readonly ids: NetnsIds;

  constructor(
    private readonly native: NativeBinding,
    namespaces: readonly Netns[],
    words: readonly string[],
    /** Finds the namespaces there are now, where all of them are wanted; absent: the given ones stay. */
    private readonly discover?: () => Netns[],
  ) {
    super(words, namespaces.length > 1 || discover !== undefined);
    this.namespaces = [...namespaces];
    this.ids = new NetnsIds(native);
    this.ids.follow(this.namespaces);
    for (const netns of namespaces)
      for (const link of discover ? this.linksOf(netns) : linksOfNamed(native, netns))
        this.links.set(key(netns.inum, link.ifindex), this.deviceOf(netns, link));
    this.checkWords();
  }

  /** Every -i word that is no pattern has to name a device there is; what a glob matches may come later. Throws UsageError. */
  private checkWords(): void {
    const links = [...this.links.values()].map(({ link }) => link);
    const names = [...new Set(links.map(({ name }) => name))];
    for (const word of this.words) {
      if (word === 'any' || isGlob(word) || links.some(deviceMatcher(word))) continue;
      const where = this.namespaces.map(({ name }) => name).join(', ');
      throw new UsageError(
        `no interface '${printable(word)}'${where === 'own' ? '' : ` in namespace ${where}`}`,
        `interfaces there are: ${names.map(printable).join(', ')}`,
        'not-found',
      );
    }
  }

  private deviceOf(netns: Netns, link: Link): Device {
    const { peerIfindex, peerNsid } = link;
    if (peerIfindex === undefined) return { netns, link };
    const peerNetns = peerNsid === undefined ? netns.inum : this.ids.inumOf(netns, peerNsid);
    return { netns, link: { ...link, ...(peerNetns !== undefined && { peerNetns }) } };
  }

  /** Those that are still there. */
  get present(): Device[] {
    return this.all.filter(({ netns, link }) => !this.gone.has(key(netns.inum, link.ifindex)));
  }

  override get netns(): readonly Netns[] {
    return this.namespaces;
  }

  override find(inum: number, ifindex: number): Device | undefined {
    const id = key(inum, ifindex);
    return this.links.get(id) ?? (this.newcomers.has(id) ? this.newcomers.get(id) : this.lookFor(inum, id));
  }

  /** Packets of a new device may be here before the next refresh: their device has a name all the same. */
  private lookFor(inum: number, id: string): Device | undefined {
    this.newcomers.set(id, undefined);
    const netns = this.namespaces.find((one) => one.inum === inum);
    for (const link of netns ? this.linksOf(netns) : [])
      this.newcomers.set(key(inum, link.ifindex), this.deviceOf(netns!, link));
    return this.newcomers.get(id);
  }

  /** Empty for a namespace that went away since it was listed. */
  private linksOf(netns: Netns): Link[] {
    try {
      return readLinks(this.native, netns.path);
    } catch {
      return [];
    }
  }

  /** Looks again. What has gone keeps its name for events that are still on their way. */
  refresh(): DeviceChanges {
    const added: Device[] = [];
    const renamed: Device[] = [];
    const seen = new Set<string>();
    const before = this.namespaces;
    this.newcomers.clear();
    this.namespaces = this.discover?.() ?? before.filter(isThere);
    const goneNetns = before.filter(({ inum }) => !this.namespaces.some((netns) => netns.inum === inum));
    this.ids.follow(this.namespaces);
    for (const netns of this.namespaces) this.refreshNetns(netns, { seen, added, renamed });
    const removed = this.all.filter(({ netns, link }) => {
      const id = key(netns.inum, link.ifindex);
      return !seen.has(id) && !this.gone.has(id);
    });
    for (const { netns, link } of removed) this.gone.add(key(netns.inum, link.ifindex));
    return { added, removed, renamed, goneNetns };
  }

  /** Whether any selected device is still there. */
  get anyLeft(): boolean {
    return this.selected.some(({ netns, link }) => !this.gone.has(key(netns.inum, link.ifindex)));
  }

  private refreshNetns(netns: Netns, { seen, added, renamed }: Found): void {
    for (const link of this.linksOf(netns)) {
      const id = key(netns.inum, link.ifindex);
      seen.add(id);
      const before = this.links.get(id);
      const device = this.deviceOf(netns, link);
      // A device that was asked for by the name it had stays one, as a socket bound to it would.
      if (before && !this.gone.has(id) && this.isSelected(before) && !this.isSelected(device)) continue;
      if (!before || this.gone.delete(id)) added.push(device);
      else if (before.link.name !== link.name) renamed.push(device);
      this.links.set(id, device);
    }
  }
}
