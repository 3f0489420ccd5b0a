/** Facts of the machine that do not depend on what is traced. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** The number of possible CPUs: /sys/devices/system/cpu/possible reads like "0-3" or "0,2-3". */
export function possibleCpus(text = readFileSync('/sys/devices/system/cpu/possible', 'utf8')): number {
  const last = text.trim().split(',').at(-1)!.split('-').at(-1)!;
  return Number(last) + 1;
}

/** Numbers of linux/capability.h, of the capabilities that matter here. */
const CAPABILITIES = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_SYSLOG: 34,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

export type Capability = keyof typeof CAPABILITIES;

export const capabilityNumber = (name: Capability): number => CAPABILITIES[name];

/** Which of the capabilities that matter here this process has. */
export function effectiveCapabilities(status = readFileSync('/proc/self/status', 'utf8')): Capability[] {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const all = Object.keys(CAPABILITIES) as Capability[];
  return all.filter((name) => (mask >> BigInt(CAPABILITIES[name])) & 1n);
}

/** CAP_SYS_ADMIN stands in for the two that were split off it (linux/capability.h, bpf_capable, perfmon_capable). */
export function holdsCapability(held: readonly string[], name: string): boolean {
  const splitOff = name === 'CAP_BPF' || name === 'CAP_PERFMON';
  return held.includes(name) || (splitOff && held.includes('CAP_SYS_ADMIN'));
}

export type Lockdown = 'none' | 'integrity' | 'confidentiality' | 'unknown';

/** /sys/kernel/security/lockdown reads like "none [integrity] confidentiality". */
export function lockdownMode(): Lockdown {
  try {
    const text = readFileSync('/sys/kernel/security/lockdown', 'utf8');
    return (/\[(\w+)\]/.exec(text)?.[1] as Lockdown | undefined) ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

export const kernelRelease = (): string => release();
