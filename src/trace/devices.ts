/**
 * The devices a trace looks at: names for ifindexes, which of them are selected, and what comes and goes
 * while it runs.
 */
import { UsageError } from '../errors.js';
import { isNativeError, type NativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';
import { type Link, readLinks } from '../system/links.js';
import { type Netns, netnsInum } from '../system/netns.js';

export interface Device {
  readonly netns: Netns;
  readonly link: Link;
}

export interface DeviceChanges {
  readonly added: readonly Device[];
  readonly removed: readonly Device[];
  /** Namespaces whose name or process is gone. */
  readonly goneNetns: readonly Netns[];
}

/** `*` and `?` as in a shell; everything else is literal. */
export function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
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
    );
  }
}

const isGlob = /[*?]/;
const isIndex = /^[1-9]\d*$/;

/** A word chooses devices by name, which may be a pattern, or by index. */
function selects(word: string, { ifindex, name }: Link): boolean {
  return globPattern(word).test(name) || (isIndex.test(word) && Number(word) === ifindex);
}

const key = (inum: number, ifindex: number): string => `${inum}/${ifindex}`;

export class Devices {
  private readonly links = new Map<string, Device>();
  private readonly gone = new Set<string>();
  /** Devices that were looked for between two refreshes; undefined: not found. */
  private readonly newcomers = new Map<string, Device | undefined>();
  private namespaces: Netns[];
  private readonly severalNetns: boolean;

  constructor(
    private readonly native: NativeBinding,
    namespaces: readonly Netns[],
    /** -i words: names, patterns, indexes; none, or `any`: every device. */
    readonly words: readonly string[],
    /** Finds the namespaces there are now, where all of them are wanted; absent: the given ones stay. */
    private readonly discover?: () => Netns[],
  ) {
    this.namespaces = [...namespaces];
    this.severalNetns = namespaces.length > 1 || discover !== undefined;
    for (const netns of namespaces)
      for (const link of discover ? this.linksOf(netns) : linksOfNamed(native, netns))
        this.links.set(key(netns.inum, link.ifindex), { netns, link });
    this.checkWords();
  }

  /** Every -i word that is no pattern has to name a device there is; what a glob matches may come later. Throws UsageError. */
  private checkWords(): void {
    const links = [...this.links.values()].map(({ link }) => link);
    const names = [...new Set(links.map(({ name }) => name))];
    for (const word of this.words) {
      if (word === 'any' || isGlob.test(word) || links.some((link) => selects(word, link))) continue;
      const where = this.namespaces.map(({ name }) => name).join(', ');
      throw new UsageError(
        `no interface '${printable(word)}'${where === 'own' ? '' : ` in namespace ${where}`}`,
        `interfaces there are: ${names.map(printable).join(', ')}`,
      );
    }
  }

  get selectsAll(): boolean {
    return this.words.length === 0 || this.words.includes('any');
  }

  isSelected(device: Device): boolean {
    return this.selectsAll || this.words.some((word) => selects(word, device.link));
  }

  get all(): readonly Device[] {
    return [...this.links.values()];
  }

  /** Those that are still there. */
  get present(): Device[] {
    return this.all.filter(({ netns, link }) => !this.gone.has(key(netns.inum, link.ifindex)));
  }

  get selected(): Device[] {
    return this.all.filter((device) => this.isSelected(device));
  }

  get netns(): readonly Netns[] {
    return this.namespaces;
  }

  /** The name of a device, as far as it is known. */
  name(inum: number, ifindex: number): string | undefined {
    return this.find(inum, ifindex)?.link.name;
  }

  /** `eth0`, or `eth0@netns` where more than one namespace is watched. */
  label(inum: number, ifindex: number): string | undefined {
    const device = this.find(inum, ifindex);
    if (!device) return undefined;
    return this.severalNetns ? `${device.link.name}@${device.netns.name}` : device.link.name;
  }

  private find(inum: number, ifindex: number): Device | undefined {
    const id = key(inum, ifindex);
    return this.links.get(id) ?? (this.newcomers.has(id) ? this.newcomers.get(id) : this.lookFor(inum, id));
  }

  /** Packets of a new device may be here before the next refresh: their device has a name all the same. */
  private lookFor(inum: number, id: string): Device | undefined {
    this.newcomers.set(id, undefined);
    const netns = this.namespaces.find((one) => one.inum === inum);
    for (const link of netns ? this.linksOf(netns) : [])
      this.newcomers.set(key(inum, link.ifindex), { netns: netns!, link });
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
    const seen = new Set<string>();
    const before = this.namespaces;
    this.newcomers.clear();
    this.namespaces = this.discover?.() ?? before.filter(isThere);
    const goneNetns = before.filter(({ inum }) => !this.namespaces.some((netns) => netns.inum === inum));
    for (const netns of this.namespaces) this.refreshNetns(netns, seen, added);
    const removed = this.all.filter(({ netns, link }) => {
      const id = key(netns.inum, link.ifindex);
      return !seen.has(id) && !this.gone.has(id);
    });
    for (const { netns, link } of removed) this.gone.add(key(netns.inum, link.ifindex));
    return { added, removed, goneNetns };
  }

  /** Whether any selected device is still there. */
  get anyLeft(): boolean {
    return this.selected.some(({ netns, link }) => !this.gone.has(key(netns.inum, link.ifindex)));
  }

  private refreshNetns(netns: Netns, seen: Set<string>, added: Device[]): void {
    for (const link of this.linksOf(netns)) {
      const id = key(netns.inum, link.ifindex);
      seen.add(id);
      if (!this.links.has(id) || this.gone.delete(id)) added.push({ netns, link });
      this.links.set(id, { netns, link });
    }
  }
}
