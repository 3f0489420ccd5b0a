/** Devices by namespace and ifindex: their names, and which of them were asked for. Knows no kernel. */
import type { RecordView } from '../decode/record.js';
import type { Link } from '../system/links.js';
import type { Netns } from '../system/netns.js';

export interface Device {
  readonly netns: Netns;
  readonly link: Link;
}

/** `*` and `?` as in a shell; everything else is literal. */
export function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}

const isIndex = /^[1-9]\d*$/;

/** A word chooses devices by name, which may be a pattern, or by index. */
export function deviceMatcher(word: string): (link: Link) => boolean {
  const pattern = globPattern(word);
  const index = isIndex.test(word) ? Number(word) : undefined;
  return ({ name, ifindex }) => pattern.test(name) || ifindex === index;
}

export const isGlob = (word: string): boolean => /[*?]/.test(word);

export const deviceKey = (inum: number, ifindex: number): string => `${inum}/${ifindex}`;

export abstract class DeviceTable {
  /** The namespaces that are watched. */
  abstract readonly netns: readonly Netns[];
  protected readonly links = new Map<string, Device>();
  private readonly matchers: readonly ((link: Link) => boolean)[];

  constructor(
    /** -i words; none, or `any`: every device. */
    readonly words: readonly string[],
    /** Names of devices alone do not tell them apart. */
    readonly severalNetns: boolean,
  ) {
    this.matchers = words.includes('any') ? [] : words.map(deviceMatcher);
  }

  /** Whether a device is one that was asked for; false where it is not known. */
  isSelectedAt(netnsInum: number, ifindex: number): boolean {
    const device = this.links.get(deviceKey(netnsInum, ifindex));
    return device !== undefined && this.isSelected(device);
  }

  /** Whether the packet is at one of them, or leaves by one. */
  isSelectedFor(record: RecordView): boolean {
    const { netnsInum } = record;
    if (record.has('ifindex') && this.isSelectedAt(netnsInum, record.ifindex)) return true;
    return record.has('ifindexOut') && this.isSelectedAt(netnsInum, record.ifindexOut);
  }

  get selectsAll(): boolean {
    return this.matchers.length === 0;
  }

  isSelected(device: Device): boolean {
    return this.selectsAll || this.matchers.some((matches) => matches(device.link));
  }

  get all(): readonly Device[] {
    return [...this.links.values()];
  }

  get selected(): Device[] {
    return this.all.filter((device) => this.isSelected(device));
  }

  /** The device, as far as it is known. */
  find(inum: number, ifindex: number): Device | undefined {
    return this.links.get(deviceKey(inum, ifindex));
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
}
