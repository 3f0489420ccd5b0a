/** Names for the numbers in records, looked up when they are first needed. */
import type { TapSession } from '../attach/session.js';
import type { RecordView } from '../decode/record.js';
import type { NativeBinding } from '../native/binding.js';
import { printable } from '../render/printable.js';
import { SymbolTable } from '../system/symbols.js';
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

export class LiveNames implements Names {
  private readonly comms = new Map<string, string>();
  private readonly stacks = new Map<number, readonly string[]>();
  private reasons: Map<number, string> | undefined;
  private symbols: SymbolTable | undefined;

  constructor(
    private readonly native: NativeBinding,
    private readonly session: TapSession,
    private readonly devices: Devices,
    readonly wallOffsetNs: bigint,
  ) {}

  device(netnsInum: number, ifindex: number): string | undefined {
    return this.devices.name(netnsInum, ifindex);
  }

  dropReason(value: number): string {
    this.reasons ??= dropReasons(this.native);
    return this.reasons.get(value) ?? `reason ${value >>> 16 ? `0x${value.toString(16)}` : value}`;
  }

  symbol(address: bigint): string {
    this.symbols ??= SymbolTable.load(this.native);
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
