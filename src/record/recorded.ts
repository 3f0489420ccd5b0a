/** A recording's answers where a live trace asks the kernel: they grow as the file is read. */
import type { RecordView } from '../decode/record.js';
import type { HookPosition } from '../netfilter/types.js';
import type { Netns } from '../system/netns.js';
import type { Holder } from '../system/packet-sockets.js';
import { type Device, DeviceTable, deviceKey, deviceMatcher } from '../trace/device-table.js';
import { HookSpans } from '../trace/hook-spans.js';
import type { NameSource } from '../trace/names.js';
import type { KnownSocket, SocketSource } from '../trace/socket-takes.js';
import { deliveryFilter } from '../trace/verdicts.js';
import type { XdpProgram } from '../trace/xdp-keeper.js';
import { deviceOf, netnsOf, positionOf, setupOf } from './from-messages.js';
import type { DeviceMessage, HookPositionMessage, NamesMessage, NetnsMessage } from './schema.js';

export class RecordedDevices extends DeviceTable {
  private readonly namespaces = new Map<number, Netns>();
  private readonly narrower: readonly ReturnType<typeof deviceMatcher>[];

  constructor(
    words: readonly string[],
    severalNetns: boolean,
    /** Words of the reader, which narrow down those of the recording. */
    also: readonly string[] = [],
  ) {
    super(words, severalNetns);
    this.narrower = also.includes('any') ? [] : also.map(deviceMatcher);
  }

  override isSelected(device: Device): boolean {
    if (!super.isSelected(device)) return false;
    return this.narrower.length === 0 || this.narrower.some((matches) => matches(device.link));
  }

  override get netns(): readonly Netns[] {
    return [...this.namespaces.values()];
  }

  learnNetns(message: NetnsMessage): void {
    this.namespaces.set(message.inum, netnsOf(message));
  }

  learn(message: DeviceMessage): void {
    const netns =
      this.namespaces.get(message.netns) ?? netnsOf({ inum: message.netns, name: `${message.netns}` });
    this.links.set(deviceKey(message.netns, message.ifindex), deviceOf(message, netns));
  }
}

const noHolders: readonly Holder[] = [];

export class RecordedNames implements NameSource {
  private readonly symbols = new Map<bigint, string>();
  private readonly stacks = new Map<number, readonly bigint[]>();
  private readonly reasons = new Map<number, string>();
  private readonly holders = new Map<string, readonly Holder[]>();

  constructor(readonly devices: RecordedDevices) {}

  learn({ namespaces, devices, symbols, stacks, dropReasons, holders }: NamesMessage): void {
    for (const one of namespaces) this.devices.learnNetns(one);
    for (const one of devices) this.devices.learn(one);
    for (const { address, name } of symbols) this.symbols.set(BigInt(address), name);
    for (const { id, addresses } of stacks) this.stacks.set(id, addresses.map(BigInt));
    for (const { value, name } of dropReasons) this.reasons.set(value, name);
    for (const { inode, holders: list } of holders) this.holders.set(inode, list);
  }

  dropReason(value: number): string {
    return this.reasons.get(value) ?? `reason ${value}`;
  }

  symbol(address: bigint): string {
    return this.symbols.get(address) ?? `0x${address.toString(16)}`;
  }

  stack(stackId: number): readonly bigint[] {
    return this.stacks.get(stackId) ?? [];
  }

  socketHolders(inode: string): readonly Holder[] {
    return this.holders.get(inode) ?? noHolders;
  }
}

export class RecordedSockets implements SocketSource {
  private readonly known = new Map<string, KnownSocket>();

  learn({ setups }: NamesMessage): void {
    for (const one of setups) {
      const { inode } = one;
      const filterAddress = BigInt(one.filterAddress);
      this.known.set(`${inode}/${filterAddress}`, { inode, filterAddress, setup: setupOf(one) });
    }
  }

  socketOf(record: RecordView): KnownSocket {
    const { socketInode: inode } = record;
    const filterAddress = deliveryFilter(record);
    return this.known.get(`${inode}/${filterAddress}`) ?? { inode, filterAddress, setup: undefined };
  }
}

export class RecordedXdp {
  private readonly programs = new Map<string, XdpProgram>();

  learn({ xdp }: NamesMessage): void {
    for (const { netns, ifindex, id, name } of xdp) {
      if (id === undefined) this.programs.delete(deviceKey(netns, ifindex));
      else this.programs.set(deviceKey(netns, ifindex), { id, ...(name !== undefined && { name }) });
    }
  }

  programAt(netnsInum: number, ifindex: number): XdpProgram | undefined {
    return this.programs.get(deviceKey(netnsInum, ifindex));
  }
}

/** Where links of the recorded trace stood. */
export class RecordedHooks {
  private readonly sites = new Map<number, Map<number, HookSpans>>();

  learn(message: HookPositionMessage): void {
    const { netns, familyNumber, hookNumber, slot, fromNs } = message;
    const sites = this.sites.get(netns) ?? new Map<number, HookSpans>();
    const site = siteKey(familyNumber, hookNumber);
    const spans = sites.get(site) ?? new HookSpans();
    spans.begin(slot, fromNs, positionOf(message));
    this.sites.set(netns, sites.set(site, spans));
  }

  positionOf(record: RecordView): HookPosition | undefined {
    const spans = this.sites.get(record.netnsInum)?.get(siteKey(record.nfFamily, record.nfHook));
    return spans?.at(record.slot, record.timeHigh * 0x1_0000_0000 + record.timeLow);
  }
}

const siteKey = (family: number, hook: number): number => family * 256 + hook;
