/** Names for the numbers in records, asked for when they are first needed. */
import type { RecordView } from '../decode/record.js';
import { printable } from '../render/printable.js';
import { WallClock } from '../render/time.js';
import { type Death, deathOf } from '../stages/death.js';
import type { Holder } from '../system/packet-sockets.js';
import type { DeviceTable } from './device-table.js';
import type { Names } from './event.js';

const commCacheSize = 1024;
/** Frames that our own observation adds on top of a stack. */
const ownFrame =
  /^(bpf_prog_|bpf_trace_run|__bpf_trace_|__traceiter_|trace_call_bpf|kprobe_|bpf_trampoline|bpf_get_stack|__bpf_prog_|0x)/;

/** One text a device, found without making a key. */
class DeviceTexts {
  private readonly byNetns = new Map<number, Map<number, string>>();

  get(netnsInum: number, ifindex: number): string | undefined {
    return this.byNetns.get(netnsInum)?.get(ifindex);
  }

  set(netnsInum: number, ifindex: number, text: string): string {
    const texts = this.byNetns.get(netnsInum) ?? new Map<number, string>();
    this.byNetns.set(netnsInum, texts.set(ifindex, text));
    return text;
  }
}

/** Who knows: the kernel of a live trace, or a recording of what it answered. */
export interface NameSource {
  readonly devices: Pick<DeviceTable, 'find' | 'name' | 'label'>;
  dropReason(value: number): string;
  /** `name+0xoffset`, or the address in hex. */
  symbol(address: bigint): string;
  /** Return addresses, innermost first. */
  stack(stackId: number): readonly bigint[];
  /** Of a packet socket; empty where none are known. */
  socketHolders(inode: string): readonly Holder[];
}

/** What a trace's clock counts from, in nanoseconds. */
export interface ClockBase {
  /** CLOCK_BOOTTIME when the trace began. */
  readonly bootNs: bigint;
  /** What to add to CLOCK_BOOTTIME for the wall clock. */
  readonly wallOffsetNs: bigint;
}

export class TraceNames implements Names {
  private readonly comms = new Map<string, string>();
  private readonly stacks = new Map<number, readonly string[]>();
  /** By stack, or address, and reason: there are as few as places in the kernel where packets are dropped. */
  private readonly deaths = new Map<string, Death>();
  readonly clock: WallClock;
  private readonly names = new DeviceTexts();
  private readonly labels = new DeviceTexts();
  readonly wallOffsetNs: bigint;

  constructor(
    private readonly source: NameSource,
    { wallOffsetNs, bootNs }: ClockBase,
    readonly showsStacks = false,
  ) {
    this.wallOffsetNs = wallOffsetNs;
    this.clock = new WallClock(wallOffsetNs, bootNs);
  }

  deviceName(netnsInum: number, ifindex: number): string | undefined {
    const cached = this.names.get(netnsInum, ifindex);
    if (cached !== undefined) return cached;
    const name = this.source.devices.name(netnsInum, ifindex);
    return name === undefined ? undefined : this.names.set(netnsInum, ifindex, printable(name));
  }

  deviceLabel(netnsInum: number, ifindex: number): string {
    const cached = this.labels.get(netnsInum, ifindex);
    if (cached !== undefined) return cached;
    const known = this.source.devices.label(netnsInum, ifindex);
    return known === undefined ? `if${ifindex}` : this.labels.set(netnsInum, ifindex, printable(known));
  }

  dropReason(value: number): string {
    return this.source.dropReason(value);
  }

  symbol(address: bigint): string {
    return this.source.symbol(address);
  }

  stack(stackId: number): readonly string[] {
    let frames = this.stacks.get(stackId);
    if (!frames) {
      const all = this.source.stack(stackId).map((address) => this.symbol(address));
      const first = all.findIndex((frame) => !ownFrame.test(frame));
      frames = first < 0 ? all : all.slice(first);
      this.stacks.set(stackId, frames);
    }
    return frames;
  }

  death(record: RecordView): Death | undefined {
    const reason = record.has('reason') ? record.reason : undefined;
    const place = record.has('stack') ? record.stackId : record.location;
    const key = `${place} ${reason}`;
    let death = this.deaths.get(key);
    if (!death) {
      const frames = record.has('stack') ? this.stack(record.stackId) : [this.symbol(record.location)];
      death = deathOf(frames, reason === undefined ? undefined : this.dropReason(reason));
      if (death) this.deaths.set(key, death);
    }
    return death;
  }

  socketHolders(inode: string): readonly Holder[] {
    return this.source.socketHolders(inode);
  }

  comm(record: RecordView): string {
    const key = record.commKey;
    let name = this.comms.get(key);
    if (name === undefined) {
      if (this.comms.size >= commCacheSize) this.comms.clear();
      name = printable(record.comm);
      this.comms.set(key, name);
    }
    return name;
  }
}
