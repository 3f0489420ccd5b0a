/** What the doctor says of the kernel, the rights and the settings: each value, and what it costs where it does. */
import type { KernelFeatures } from '../attach/features.js';
import { type Capability, holdsCapability } from '../system/kernel.js';
import { fileSystems, type Machine, type SysctlName, sysctlNames } from '../system/machine.js';
import { printable } from './printable.js';

/** Name, and what there is to say. */
export type Fact = readonly [name: string, text: string];

/** What each capability is for, the most needed first. */
const purposes: Readonly<Record<Capability, string>> = {
  CAP_BPF: 'to load BPF programs',
  CAP_PERFMON: 'to run them in kernel functions and tracepoints',
  CAP_NET_RAW: 'for the packet sockets of --arm',
  CAP_NET_ADMIN: 'for links of ours at netfilter, tc (tcx) and cgroup hooks',
  CAP_SYSLOG: 'for the names of functions in stacks and places of drops',
  CAP_SYS_PTRACE: "for the owners of other users' packet sockets, and namespaces of their processes",
  CAP_DAC_READ_SEARCH: 'to find namespaces in directories closed to this user',
  CAP_SYS_ADMIN:
    'for other network namespaces (--netns), and l4-rcv by a cgroup program where cgroup2 is not mounted',
  CAP_SYS_RESOURCE: 'to raise RLIMIT_MEMLOCK, which limits BPF memory here',
};

/** Capabilities that are missing and would bring something. */
export function missingRights({ capabilities }: KernelFeatures, { memlockBytes }: Machine): Fact[] {
  return Object.entries(purposes).filter(
    ([name]) =>
      !holdsCapability(capabilities, name) && (name !== 'CAP_SYS_RESOURCE' || memlockBytes !== null),
  );
}

function sizeText(bytes: number): string {
  return bytes >= 1 << 20 ? `${Math.round(bytes / (1 << 20))} MiB` : `${Math.round(bytes / 1024)} KiB`;
}

function btfText({ btf }: Machine): string {
  if (!btf.vmlinux)
    return 'none: /sys/kernel/btf/vmlinux is not there; sysfs is not mounted, something hides it, or the kernel lacks CONFIG_DEBUG_INFO_BTF';
  return `vmlinux, ${btf.modules ? `${btf.modules} modules` : 'no modules'}`;
}

function lockdownText({ lockdown }: KernelFeatures, { mounts }: Machine): string {
  if (lockdown === 'confidentiality') return 'confidentiality: forbids reading kernel memory by probe reads';
  if (lockdown !== 'unknown') return lockdown;
  return mounts.securityfs
    ? 'not known: the kernel has none, or does not show it to this user'
    : 'not known: securityfs is not mounted (mount -t securityfs securityfs /sys/kernel/security)';
}

function mountsText({ mounts }: Machine): string {
  const at = fileSystems.flatMap((name) => (mounts[name] ? [`${name} ${printable(mounts[name])}`] : []));
  const missing = fileSystems.filter((name) => !mounts[name]);
  const without = missing.length ? `; not mounted: ${missing.join(', ')}` : '';
  return `${at.join(', ') || 'none'}${without} (tracing needs none of them)`;
}

function memoryText({ memory, memlockBytes }: Machine): string {
  const group = memory
    ? `the memory cgroup allows ${sizeText(memory.bytes)} (${printable(memory.file)})`
    : 'no limit by a memory cgroup';
  if (memlockBytes === null) return group;
  return `${group}; RLIMIT_MEMLOCK allows ${sizeText(memlockBytes)} of BPF memory: ulimit -l raises it`;
}

/** The kernel functions that newer kernels let programs call, and what stands in for them. */
function readsText({ kfuncs }: KernelFeatures): string {
  const bytes = kfuncs.bpf_dynptr_from_skb
    ? 'bytes by dynptr'
    : 'bytes by probe reads (dynptrs come with 6.12)';
  const socket = kfuncs.bpf_cast_to_kern_ctx ? 'knows its sk_buff' : 'does not know its sk_buff (since 6.2)';
  return `${bytes}; a packet socket's program ${socket}`;
}

export function kernelFacts(features: KernelFeatures, machine: Machine): Fact[] {
  const fentry = features.refusals.find(({ mechanism }) => mechanism === 'fentry');
  return [
    ['BTF', btfText(machine)],
    ['lockdown', lockdownText(features, machine)],
    ...(fentry ? [['fentry', fentry.reason] as const] : []),
    [
      'kprobes',
      features.kprobes ? 'yes' : 'not compiled into this kernel (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)',
    ],
    ['reading packets', readsText(features)],
    ['file systems', mountsText(machine)],
    ['memory', memoryText(machine)],
  ];
}

export function rightsFacts(features: KernelFeatures, machine: Machine): Fact[] {
  return [
    ['held', features.capabilities.join(' ') || 'none'],
    ...missingRights(features, machine).map(([name, purpose]): Fact => [name, `missing: ${purpose}`]),
  ];
}

type Cost = (value: number, features: KernelFeatures) => string | undefined;

/** What a value costs; undefined where it costs nothing. */
const costs: Partial<Record<SysctlName, Cost>> = {
  // kernel/kallsyms.c, kallsyms_show_value
  'kernel.kptr_restrict': (value) =>
    value >= 2
      ? 'hides addresses from everyone: stacks and places of drops stay bare numbers (1 shows them to CAP_SYSLOG)'
      : undefined,
  'kernel.ftrace_enabled': (value) =>
    value === 0
      ? 'programs at the entry of functions (fentry, kprobe) are attached and never run'
      : undefined,
  // A patch of Debian and others to kernel/events/core.c, perf_event_open; 3 is Debian's default.
  'kernel.perf_event_paranoid': (value, { kprobes, capabilities }) =>
    value >= 3 && kprobes && !capabilities.includes('CAP_SYS_ADMIN')
      ? 'kprobes need CAP_SYS_ADMIN besides CAP_PERFMON (2 is enough to allow them)'
      : undefined,
  'kernel.bpf_stats_enabled': (value) =>
    value ? 'every run of a BPF program is timed, which slows it down' : undefined,
  // kernel/bpf/verifier.c, add_kfunc_call
  'net.core.bpf_jit_enable': (value) =>
    value === 0
      ? 'programs are interpreted, several times slower, and those that call kernel functions are refused (1 compiles them)'
      : undefined,
  'net.core.bpf_jit_harden': (value) =>
    value >= 2 ? 'every constant in a program is blinded: larger and slower' : undefined,
};

/** Settings with a price, each with it, and one line for all others. */
export function settingsFacts(features: KernelFeatures, { sysctls }: Machine): Fact[] {
  const known = sysctlNames.flatMap((name) => {
    const value = sysctls[name];
    return value === null ? [] : [{ text: `${name}=${value}`, cost: costs[name]?.(value, features) }];
  });
  const dear = known.filter(({ cost }) => cost);
  const free = known.filter(({ cost }) => !cost);
  return [
    ...dear.map(({ text, cost }, row): Fact => [row === 0 ? 'at a cost' : '', `${text}: ${cost}`]),
    ...(free.length ? [['as wanted', free.map(({ text }) => text).join(' ')] as const] : []),
  ];
}
