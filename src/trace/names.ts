/** Names for the numbers in records, looked up when they are first needed. */
import type { TapSession } from '../attach/session.js';
import type { RecordView } from '../decode/record.js';
import type { NativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';
import { WallClock } from '../render/time.js';
import type { SymbolTable } from '../system/symbols.js';
import type { Devices } from './devices.js';
import type { Names } from './event.js';

const commCacheSize = 1024;
/** Frames that our own observation adds on top of a stack. */
const ownFrame =
  /^(bpf_prog_|bpf_trace_run|__bpf_trace_|__traceiter_|trace_call_bpf|kprobe_|bpf_trampoline|bpf_get_stack|__bpf_prog_|0x)/;

/** enum skb_drop_reason by value, its prefix taken off; empty where the kernel has none. */
function dropReasons(native: NativeBinding): Map<number, string> {
  const values = native.btfEnum('skb_drop_reason') ?? {};
  const entries = Object.entries(values).map(
    ([name, value]) => [value, name.replace(/^SKB_(DROP_REASON_)?/, '')] as const,
  );
  return new Map(entries.filter(([, name]) => name !== 'SUBSYS_MASK' && name !== 'MAX'));
}

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

export class LiveNames implements Names {
  private readonly comms = new Map<string, string>();
  private readonly stacks = new Map<number, readonly string[]>();
  readonly clock: WallClock;
  private readonly names = new DeviceTexts();
  private readonly labels = new DeviceTexts();
  private reasons: Map<number, string> | undefined;

  constructor(
    private readonly native: NativeBinding,
    private readonly session: TapSession,
    private readonly devices: Devices,
    /** What to add to CLOCK_BOOTTIME for the wall clock. */
    readonly wallOffsetNs: bigint,
    baseNs: bigint,
    private readonly symbols: Pick<SymbolTable, 'describe'>,
  ) {
    this.clock = new WallClock(wallOffsetNs, baseNs);
  }

  deviceName(netnsInum: number, ifindex: number): string | undefined {
    const cached = this.names.get(netnsInum, ifindex);
    if (cached !== undefined) return cached;
    const name = this.devices.name(netnsInum, ifindex);
    return name === undefined ? undefined : this.names.set(netnsInum, ifindex, printable(name));
  }

  deviceLabel(netnsInum: number, ifindex: number): string {
    const cached = this.labels.get(netnsInum, ifindex);
    if (cached !== undefined) return cached;
    const known = this.devices.label(netnsInum, ifindex);
    return known === undefined ? `if${ifindex}` : this.labels.set(netnsInum, ifindex, printable(known));
  }

  dropReason(value: number): string {
    this.reasons ??= dropReasons(this.native);
    return this.reasons.get(value) ?? `reason ${value >>> 16 ? `0x${value.toString(16)}` : value}`;
  }

  symbol(address: bigint): string {
    return this.symbols.describe(address);
  }

  stack(stackId: number): readonly string[] {
    let frames = this.stacks.get(stackId);
    if (!frames) {
      const all = this.session.stack(stackId).map((address) => this.symbol(address));
      const first = all.findIndex((frame) => !ownFrame.test(frame));
      frames = first < 0 ? all : all.slice(first);
      this.stacks.set(stackId, frames);
    }
    return frames;
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
