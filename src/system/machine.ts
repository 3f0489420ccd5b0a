/** Facts of the machine for a report: what was configured, mounted and limited, as far as it can be read. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NativeBinding } from '../native/binding.js';
import { type MemoryLimit, memoryLimit } from './memory-cgroup.js';

/** Settings that change what a trace can do or costs. */
export const sysctlNames = [
  'kernel.unprivileged_bpf_disabled',
  'kernel.kptr_restrict',
  'kernel.perf_event_paranoid',
  'kernel.ftrace_enabled',
  'kernel.bpf_stats_enabled',
  'net.core.bpf_jit_enable',
  'net.core.bpf_jit_harden',
] as const;
export type SysctlName = (typeof sysctlNames)[number];

/** File systems that tracers are known to need; this one needs none. */
export const fileSystems = ['tracefs', 'debugfs', 'bpf', 'securityfs', 'cgroup2'] as const;
export type FileSystem = (typeof fileSystems)[number];

export interface Machine {
  /** The tightest limit of the memory cgroups; null: none. */
  readonly memory: MemoryLimit | null;
  /** Bytes of BPF memory that RLIMIT_MEMLOCK allows; null: it does not limit it. */
  readonly memlockBytes: number | null;
  readonly btf: { readonly vmlinux: boolean; readonly modules: number };
  /** Null where the kernel has no such setting, or does not show it to this user. */
  readonly sysctls: Readonly<Record<SysctlName, number | null>>;
  /** Where each is mounted; null: nowhere. */
  readonly mounts: Readonly<Record<FileSystem, string | null>>;
}

const btfDirectory = '/sys/kernel/btf';

function btfFiles(): Machine['btf'] {
  const vmlinux = existsSync(join(btfDirectory, 'vmlinux'));
  try {
    return { vmlinux, modules: readdirSync(btfDirectory).filter((name) => name !== 'vmlinux').length };
  } catch {
    return { vmlinux, modules: 0 };
  }
}

/** Null where the kernel has no such setting, or does not show it to this user. */
export function readSysctl(name: SysctlName): number | null {
  try {
    return Number.parseInt(readFileSync(join('/proc/sys', name.replaceAll('.', '/')), 'utf8'), 10);
  } catch {
    return null;
  }
}

/** Lines of /proc/self/mounts read like "tracefs /sys/kernel/tracing tracefs rw 0 0". The last mount hides others. */
export function parseMounts(text: string): Machine['mounts'] {
  const lines = text.split('\n').map((line) => line.split(' '));
  const mountOf = (wanted: FileSystem) => lines.findLast(([, , type]) => type === wanted)?.[1] ?? null;
  return Object.fromEntries(fileSystems.map((name) => [name, mountOf(name)])) as Machine['mounts'];
}

export function readMachine(native: Pick<NativeBinding, 'memlockLimit'>): Machine {
  const sysctls = Object.fromEntries(sysctlNames.map((name) => [name, readSysctl(name)]));
  return {
    btf: btfFiles(),
    sysctls: sysctls as Machine['sysctls'],
    memory: memoryLimit(),
    memlockBytes: native.memlockLimit(),
    mounts: parseMounts(readFileSync('/proc/self/mounts', 'utf8')),
  };
}
