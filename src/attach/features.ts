/** What this kernel and these rights offer, as one plain value: all the attach plan knows of the machine. */
import { existsSync } from 'node:fs';
import type { BtfParameter, NativeBinding } from '../native/binding.js';
import { targetsOf } from '../stages/rungs.js';
import type { Mechanism, Stage } from '../stages/types.js';
import {
  effectiveCapabilities,
  holdsCapability,
  kernelRelease,
  type Lockdown,
  lockdownMode,
} from '../system/kernel.js';
import { readSysctl } from '../system/machine.js';
import { findSymbols, moduleOf, readKallsyms, symbolAddress } from '../system/symbols.js';

/** How a program reads kernel memory; the variants of bpf/access.h. */
export type Access = 'kfunc' | 'probe' | 'direct' | 'context';

/** A mechanism (or one way of building it) that the kernel turned down when it was tried. */
export interface Refusal {
  readonly mechanism: Mechanism;
  /** Absent: whatever the access. */
  readonly access?: Access;
  /** Absent: whatever the stage. */
  readonly stage?: Stage['id'];
  /** Absent: whatever the target. */
  readonly target?: string;
  readonly reason: string;
}

export interface KernelFeatures {
  readonly release: string;
  readonly btf: boolean;
  /** BTF parameters by function, null where BTF does not know it. */
  readonly functions: Readonly<Record<string, readonly BtfParameter[] | null>>;
  /** The module that a function is in, where it is in one. */
  readonly modules: Readonly<Record<string, string>>;
  /** Parameters by tracepoint. */
  readonly tracepoints: Readonly<Record<string, readonly BtfParameter[] | null>>;
  /** Text symbols of a function: its own name, or with a suffix (.constprop.0, .isra.0, .cold, …). */
  readonly symbols: Readonly<Record<string, readonly string[]>>;
  /** Addresses of the kernel's variables that hold the bases of its direct map; 0n where they are not known. */
  readonly directMap: Readonly<Record<'vmemmap_base' | 'page_offset_base', bigint>>;
  /** Kernel functions that BPF programs may call. */
  readonly kfuncs: Readonly<
    Record<'bpf_dynptr_from_skb' | 'bpf_rdonly_cast' | 'bpf_cast_to_kern_ctx', boolean>
  >;
  /** Programs of ours at a device's tc hooks, held by links: from 6.6. */
  readonly tcx: boolean;
  /** Programs of ours at cgroups (CONFIG_CGROUP_BPF). */
  readonly cgroupPrograms: boolean;
  readonly kprobes: boolean;
  /** BPF netfilter links (CONFIG_NETFILTER_BPF_LINK, 6.4). */
  readonly netfilterLinks: boolean;
  /** False: kernel.ftrace_enabled is 0, and programs at the entry of functions are attached but never run. */
  readonly ftrace: boolean;
  /** False up to 5.15: devices have no netfilter egress hook. */
  readonly netfilterEgress: boolean;
  /** False up to 6.12: one list for all namespaces has the taps that are bound to no device. */
  readonly tapListPerNetns: boolean;
  readonly lockdown: Lockdown;
  readonly capabilities: readonly string[];
  readonly refusals: readonly Refusal[];
}

/** Kernel functions and tracepoints that the ladders of these stages name. */
function namesIn(stages: readonly Stage[]): { functions: string[]; tracepoints: string[] } {
  const rungs = stages
    .flatMap((stage) => stage.ladder)
    .filter(({ program }) => program && !program.ofDevices);
  const of = (...mechanisms: Mechanism[]) => [
    ...new Set(rungs.filter((rung) => mechanisms.includes(rung.mechanism)).flatMap(targetsOf)),
  ];
  return { functions: of('fentry', 'fexit', 'kprobe', 'kretprobe'), tracepoints: of('tp_btf', 'inferred') };
}

/**
 * An fentry program is refused on some kernels whatever it does: one harmless try tells, on a function that has both
 * a BTF name and the symbol of that name. Without the rights to load any it would tell nothing.
 */
function fentryRefusal(
  native: NativeBinding,
  {
    functions,
    symbols,
    modules,
    capabilities,
  }: Pick<KernelFeatures, 'functions' | 'symbols' | 'modules' | 'capabilities'>,
): Refusal[] {
  if (!['CAP_BPF', 'CAP_PERFMON'].every((name) => holdsCapability(capabilities, name))) return [];
  const known = Object.keys(functions).find(
    (name) => functions[name] && symbols[name]?.includes(name) && modules[name] === undefined,
  );
  const error = native.tryFentry(known ?? 'dev_queue_xmit_nit');
  if (!error || error === 'ENOENT') return [];
  const reason = `this kernel refuses fentry programs (${error})`;
  return [
    { mechanism: 'fentry', reason },
    { mechanism: 'fexit', reason },
  ];
}

/** Looks at the kernel. `stages` are those whose ladders matter; `kallsyms` is given where it was read already. */
export function probeFeatures(
  native: NativeBinding,
  stages: readonly Stage[],
  kallsyms = readKallsyms(native),
): KernelFeatures {
  const targets = namesIn(stages);
  const modules = Object.fromEntries(
    targets.functions.flatMap((name) => {
      const module = moduleOf(kallsyms, name);
      return module === undefined ? [] : [[name, module] as const];
    }),
  );
  const functions = Object.fromEntries(
    targets.functions.map((name) => [name, native.btfFunction(name, modules[name])]),
  );
  const tracepoints = Object.fromEntries(
    targets.tracepoints.map((name) => [name, native.btfTracepoint(name)]),
  );
  // Hidden in sysfs it may still be found elsewhere (libbpf looks for /boot/vmlinux-<release> and the like).
  const isFound = [...Object.values(functions), ...Object.values(tracepoints)].some(
    (known) => known !== null,
  );
  const btf = isFound || existsSync('/sys/kernel/btf/vmlinux');
  const has = (name: string): boolean => btf && native.btfFunction(name) !== null;
  const symbols = findSymbols(kallsyms, [
    ...targets.functions,
    ...stages.flatMap((stage) => stage.tracepointInside ?? []),
  ]);
  const capabilities = effectiveCapabilities();
  return {
    release: kernelRelease(),
    btf,
    functions,
    modules,
    tracepoints,
    symbols,
    directMap: {
      vmemmap_base: symbolAddress(kallsyms, 'vmemmap_base'),
      page_offset_base: symbolAddress(kallsyms, 'page_offset_base'),
    },
    kfuncs: {
      bpf_dynptr_from_skb: has('bpf_dynptr_from_skb'),
      bpf_rdonly_cast: has('bpf_rdonly_cast'),
      bpf_cast_to_kern_ctx: has('bpf_cast_to_kern_ctx'),
    },
    tcx: btf && native.btfEnum('bpf_attach_type')?.BPF_TCX_INGRESS !== undefined,
    cgroupPrograms: has('__cgroup_bpf_run_filter_skb'),
    netfilterLinks: has('bpf_nf_link_attach'),
    kprobes: existsSync('/sys/bus/event_source/devices/kprobe/type'),
    ftrace: readSysctl('kernel.ftrace_enabled') !== 0,
    netfilterEgress: btf && native.btfHasMember('net_device', 'nf_hooks_egress'),
    tapListPerNetns: btf && native.btfHasMember('net', 'ptype_all'),
    lockdown: lockdownMode(),
    capabilities,
    refusals: btf ? fentryRefusal(native, { functions, symbols, modules, capabilities }) : [],
  };
}
