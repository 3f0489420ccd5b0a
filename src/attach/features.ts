/** What this kernel and these rights offer, as one plain value: all the attach plan knows of the machine. */
import { existsSync } from 'node:fs';
import type { BtfParameter, NativeBinding } from '../native/binding.js';
import type { Mechanism, Stage } from '../stages/types.js';
import { effectiveCapabilities, kernelRelease, type Lockdown, lockdownMode } from '../system/kernel.js';
import { matchingSymbols } from '../system/symbols.js';

/** How a program reads kernel memory; the variants of bpf/access.h. */
export type Access = 'kfunc' | 'probe' | 'direct' | 'context';

/** A mechanism (or one way of building it) that the kernel turned down when it was tried. */
export interface Refusal {
  readonly mechanism: Mechanism;
  /** Absent: whatever the access. */
  readonly access?: Access;
  /** Absent: whatever the stage. */
  readonly stage?: Stage['id'];
  readonly reason: string;
}

export interface KernelFeatures {
  readonly release: string;
  readonly btf: boolean;
  /** BTF parameters by function, null where BTF does not know it. */
  readonly functions: Readonly<Record<string, readonly BtfParameter[] | null>>;
  /** Likewise by tracepoint. */
  readonly tracepoints: Readonly<Record<string, readonly BtfParameter[] | null>>;
  /** Text symbols of a function: its own name, or with a suffix (.constprop.0, .isra.0, .cold, …). */
  readonly symbols: Readonly<Record<string, readonly string[]>>;
  /** Kernel functions that BPF programs may call. */
  readonly kfuncs: Readonly<
    Record<'bpf_dynptr_from_skb' | 'bpf_rdonly_cast' | 'bpf_cast_to_kern_ctx', boolean>
  >;
  readonly kprobes: boolean;
  readonly lockdown: Lockdown;
  readonly capabilities: readonly string[];
  readonly refusals: readonly Refusal[];
}

/** Kernel functions and tracepoints that the ladders of these stages name. */
function targetsOf(stages: readonly Stage[]): { functions: string[]; tracepoints: string[] } {
  const rungs = stages.flatMap((stage) => stage.ladder).filter((rung) => rung.program);
  const of = (...mechanisms: Mechanism[]) => [
    ...new Set(rungs.filter((rung) => mechanisms.includes(rung.mechanism)).map((rung) => rung.target)),
  ];
  return { functions: of('fentry', 'fexit', 'kprobe', 'kretprobe'), tracepoints: of('tp_btf', 'inferred') };
}

/** An fentry program is refused on some kernels whatever it does: one harmless try tells. */
function fentryRefusal(native: NativeBinding, functions: KernelFeatures['functions']): Refusal[] {
  const known = Object.keys(functions).find((name) => functions[name]) ?? 'dev_queue_xmit_nit';
  const error = native.tryFentry(known);
  if (!error || error === 'ENOENT') return [];
  return [{ mechanism: 'fentry', reason: `this kernel refuses fentry programs (${error})` }];
}

/** Looks at the kernel. `stages` are those whose ladders matter; `kallsyms` is given where it was read already. */
export function probeFeatures(
  native: NativeBinding,
  stages: readonly Stage[],
  kallsyms?: Buffer,
): KernelFeatures {
  const targets = targetsOf(stages);
  const functions = Object.fromEntries(targets.functions.map((name) => [name, native.btfFunction(name)]));
  const btf = existsSync('/sys/kernel/btf/vmlinux');
  const has = (name: string): boolean => btf && native.btfFunction(name) !== null;
  return {
    release: kernelRelease(),
    btf,
    functions,
    tracepoints: Object.fromEntries(targets.tracepoints.map((name) => [name, native.btfTracepoint(name)])),
    symbols: matchingSymbols(
      native,
      [...targets.functions, ...stages.flatMap((stage) => stage.tracepointInside ?? [])],
      kallsyms,
    ),
    kfuncs: {
      bpf_dynptr_from_skb: has('bpf_dynptr_from_skb'),
      bpf_rdonly_cast: has('bpf_rdonly_cast'),
      bpf_cast_to_kern_ctx: has('bpf_cast_to_kern_ctx'),
    },
    kprobes: existsSync('/sys/bus/event_source/devices/kprobe/type'),
    lockdown: lockdownMode(),
    capabilities: effectiveCapabilities(),
    refusals: btf ? fentryRefusal(native, functions) : [],
  };
}
