/** Whether one rung of a ladder can be used on this kernel, and in which build. */
import type { BtfParameter } from '../native/binding.js';
import { targetsOf } from '../stages/rungs.js';
import type { Mechanism, Rung, Stage } from '../stages/types.js';
import { holdsCapability } from '../system/kernel.js';
import type { Access, KernelFeatures } from './features.js';

/** One function or tracepoint of a rung that can be watched. */
export interface RungPart {
  readonly target: string;
  readonly access: Access;
  /** Why the kernel turned a better build of it down, where it did. */
  readonly refused?: string;
}

/** One that cannot. */
export interface MissingPart {
  readonly target: string;
  readonly reason: string;
  /** The kernel has it all the same: packets pass there unseen. */
  readonly isThere: boolean;
}

export type RungVerdict =
  | { readonly usable: true; readonly parts: readonly RungPart[]; readonly missing: readonly MissingPart[] }
  | { readonly usable: false; readonly reason: string };

type PartVerdict =
  | { readonly usable: true; readonly access: Access; readonly refused?: string }
  | { readonly usable: false; readonly reason: string };

const no = (reason: string): PartVerdict => ({ usable: false, reason });

/**
 * The one symbol a kprobe on `name` may use: the exact name, else a single .constprop.N or .isra.N. Never
 * .cold or .part.N, which are pieces that not every packet passes.
 */
export function resolveSymbol(name: string, features: KernelFeatures): { symbol?: string; reason: string } {
  const all = features.symbols[name] ?? [];
  if (all.includes(name)) return { symbol: name, reason: 'exact symbol' };
  const whole = all.filter((symbol) => /^\.(constprop|isra)\.\d+$/.test(symbol.slice(name.length)));
  if (whole.length === 1) return { symbol: whole[0]!, reason: `the symbol is ${whole[0]}` };
  if (whole.length > 1) return { reason: `several symbols fit: ${whole.join(', ')}` };
  return { reason: all.length ? `only pieces of it have symbols: ${all.join(', ')}` : 'no such symbol' };
}

/** What the kernel asks for a mechanism (kernel/bpf/syscall.c, bpf_prog_load; net/packet/af_packet.c, packet_create). */
function capabilitiesFor(mechanism: Mechanism): readonly string[] {
  if (mechanism === 'packet_socket') return ['CAP_BPF', 'CAP_NET_RAW'];
  const tracing = ['CAP_BPF', 'CAP_PERFMON'];
  return ['tcx', 'netfilter', 'cgroup_skb'].includes(mechanism) ? [...tracing, 'CAP_NET_ADMIN'] : tracing;
}

function judgeRights({ mechanism, program }: Rung, features: KernelFeatures): string | undefined {
  // kernel/bpf/syscall.c, bpf_prog_get_fd_by_id
  const byNumber = program?.ofDevices ? ['CAP_SYS_ADMIN'] : [];
  const missing = [...capabilitiesFor(mechanism), ...byNumber].filter(
    (name) => !holdsCapability(features.capabilities, name),
  );
  return missing.length ? `needs ${missing.join(' and ')}, which this process does not have` : undefined;
}

/** Caught by a breakpoint or a call at a function's entry, or at its return too. */
export const isKprobe = (mechanism: Mechanism): boolean =>
  mechanism === 'kprobe' || mechanism === 'kretprobe';
const isTrampoline = (mechanism: Mechanism): boolean => mechanism === 'fentry' || mechanism === 'fexit';

/** Ways to read memory that suit a mechanism here, best first. */
function accesses(mechanism: Mechanism, features: KernelFeatures): Access[] {
  const { kfuncs, lockdown } = features;
  const casts = kfuncs.bpf_rdonly_cast;
  const probe: Access[] = lockdown === 'confidentiality' ? [] : ['probe'];
  if (mechanism === 'packet_socket')
    return casts && kfuncs.bpf_cast_to_kern_ctx && holdsCapability(features.capabilities, 'CAP_PERFMON')
      ? ['kfunc', 'context']
      : ['context'];
  if (mechanism === 'tcx') return casts && kfuncs.bpf_cast_to_kern_ctx ? ['kfunc'] : [];
  // Links came later than both kfuncs; cgroup programs without kfuncs are judged before.
  if (mechanism === 'netfilter' || mechanism === 'cgroup_skb') return ['kfunc'];
  if (isKprobe(mechanism)) return probe;
  if (isTrampoline(mechanism)) return [...probe, 'direct'];
  return casts && kfuncs.bpf_dynptr_from_skb ? ['kfunc', ...probe, 'direct'] : [...probe, 'direct'];
}

/** Which of them the rung's program is compiled in: the others cannot do what its shape asks for. */
function isCompiled({ program }: Rung, access: Access): boolean {
  if (program?.byProbeOnly || program?.ofDevices) return access !== 'direct';
  return program?.object !== 'qdisc' || access !== 'kfunc';
}

/** Whether the argument is what the program's shape expects (`skbpp_…`: a pointer to the pointer). */
function argumentFits(parameters: readonly BtfParameter[], rung: Rung): boolean {
  const parameter = parameters[rung.skbArgument ?? 0];
  const depth = rung.program?.name.startsWith('skbpp') ? 2 : 1;
  return parameter?.type === 'sk_buff' && parameter.pointerDepth === depth;
}

const noBtf = 'the kernel has no BTF (/sys/kernel/btf/vmlinux)';

/** Older pahole leaves functions with a suffix out of BTF: fentry needs it to know them, a kprobe does not. */
function judgeFunction(rung: Rung, features: KernelFeatures): string | undefined {
  if (!features.btf) return noBtf;
  if (rung.program?.ofDevices) return undefined;
  if (isKprobe(rung.mechanism) && !features.kprobes)
    return 'kprobes are not compiled into this kernel (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)';
  const { symbol, reason } = resolveSymbol(rung.target, features);
  if (!symbol) return `${rung.target}: ${reason}`;
  if (isTrampoline(rung.mechanism) && symbol !== rung.target)
    return `the symbol is ${symbol}, which BTF does not describe and fentry cannot attach to`;
  // Seen on 6.1: attaching succeeds, and nothing runs (kernel/trace/ftrace.c, ftrace_startup_enable).
  if (!features.ftrace)
    return 'kernel.ftrace_enabled is 0: the kernel would attach it and never run it (sysctl kernel.ftrace_enabled=1)';
  const parameters = features.functions[rung.target];
  if (!parameters) return isKprobe(rung.mechanism) ? undefined : `BTF does not know ${rung.target}`;
  if (!argumentFits(parameters, rung)) return `${rung.target} takes its packet in another way here`;
  return isTrampoline(rung.mechanism) ? judgeModule(rung.target, features) : undefined;
}

/** libbpf finds a module's BTF by walking through all BTF there is (kernel/bpf/syscall.c, bpf_obj_get_next_id). */
function judgeModule(target: string, { modules, capabilities }: KernelFeatures): string | undefined {
  const module = modules[target];
  if (module === undefined || holdsCapability(capabilities, 'CAP_SYS_ADMIN')) return undefined;
  return `to find ${target} in the BTF of the module ${module} needs CAP_SYS_ADMIN, which this process does not have`;
}

function judgeTracepoint(rung: Rung, features: KernelFeatures): string | undefined {
  if (!features.btf) return noBtf;
  if (!features.tracepoints[rung.target]) return `this kernel has no tracepoint ${rung.target}`;
  return undefined;
}

function judgeCgroup({ btf, cgroupPrograms, kfuncs }: KernelFeatures): string | undefined {
  if (!btf) return noBtf;
  if (!cgroupPrograms) return 'this kernel has no cgroup programs (CONFIG_CGROUP_BPF)';
  // Both other kfuncs are older.
  return kfuncs.bpf_dynptr_from_skb ? undefined : 'a cgroup program cannot read packets here (since 6.4)';
}

function obstacle(
  stage: Stage,
  rung: Rung,
  features: KernelFeatures,
  request: RungRequest,
  isForced: boolean,
): string | undefined {
  if (stage.id === 'nf-egress' && rung.program?.allHooks && features.btf && !features.netfilterEgress)
    return 'this kernel has no netfilter egress hook (since 5.16)';
  switch (rung.mechanism) {
    case 'fentry':
    case 'fexit':
    case 'kprobe':
    case 'kretprobe':
      return judgeFunction(rung, features);
    case 'tp_btf':
    case 'inferred':
      return judgeTracepoint(rung, features);
    case 'packet_socket':
      if (request.observeOnly) return 'a packet socket of ours would be a probe (--observe)';
      return request.arm || isForced ? undefined : 'would arm the devices: only with --arm';
    case 'tcx':
      if (request.observeOnly) return 'a tcx program of ours would be a probe (--observe)';
      return features.tcx ? undefined : 'this kernel has no tcx (it came with 6.6)';
    case 'cgroup_skb':
      if (request.observeOnly) return 'a cgroup program of ours would be a probe (--observe)';
      return judgeCgroup(features);
    case 'netfilter':
      if (!features.netfilterLinks)
        return 'this kernel has no BPF netfilter links (CONFIG_NETFILTER_BPF_LINK, since 6.4)';
      return request.observeOnly ? 'a netfilter link of ours would be a probe (--observe)' : undefined;
    default:
      return `nothing watches by ${rung.mechanism}`;
  }
}

/** What decides about a rung beside the kernel. */
export interface RungRequest {
  readonly arm: boolean;
  readonly observeOnly: boolean;
  readonly mechanisms: ReadonlyMap<string, Mechanism>;
}

/** Judges one rung: it can be used when one of its functions can be watched. */
export function judgeRung(
  stage: Stage,
  rung: Rung,
  features: KernelFeatures,
  request: RungRequest,
): RungVerdict {
  const judged = targetsOf(rung).map((target) => ({
    target,
    ...judgePart(stage, { ...rung, target }, features, request),
  }));
  const parts = judged.filter((part) => part.usable);
  const missing = judged.flatMap((part) => {
    if (part.usable) return [];
    const isThere = resolveSymbol(part.target, features).symbol !== undefined;
    return [{ target: part.target, reason: part.reason, isThere }];
  });
  if (parts.length > 0) return { usable: true, parts, missing };
  return { usable: false, reason: [...new Set(missing.map(({ reason }) => reason))].join('; ') };
}

/** Judges one target; the first access that was not refused is taken. */
function judgePart(stage: Stage, rung: Rung, features: KernelFeatures, request: RungRequest): PartVerdict {
  const reason =
    obstacle(stage, rung, features, request, request.mechanisms.get(stage.id) === rung.mechanism) ??
    judgeRights(rung, features);
  if (reason) return no(reason);
  const refusals = features.refusals.filter(
    ({ mechanism, stage: id = stage.id, target = rung.target }) =>
      mechanism === rung.mechanism && id === stage.id && target === rung.target,
  );
  const whole = refusals.find(({ access }) => access === undefined);
  if (whole) return no(whole.reason);
  const possible = accesses(rung.mechanism, features).filter((access) => isCompiled(rung, access));
  const access = possible.find((candidate) => !refusals.some((refusal) => refusal.access === candidate));
  const [refused] = refusals;
  if (access) return { usable: true, access, ...(refused && { refused: refused.reason }) };
  return no(refused?.reason ?? 'lockdown=confidentiality forbids reading kernel memory');
}
