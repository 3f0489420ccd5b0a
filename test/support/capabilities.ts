/** Processes with fewer capabilities than root's, and what each of their threads holds. */
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

/** linux/capability.h */
export const capabilityBit = {
  ...{ dac_read_search: 2, net_admin: 12, net_raw: 13, sys_ptrace: 19, sys_admin: 21, sys_resource: 24 },
  ...{ syslog: 34, perfmon: 38, bpf: 39 },
} as const;
export type CapabilityName = keyof typeof capabilityBit;

/** Whether the running kernel is older than a version such as "5.11". */
export function isKernelBefore(version: string): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = version.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

/**
 * What every trace keeps here: before 5.19, where unprivileged BPF is disabled, maps that are open already are for
 * holders of CAP_BPF alone (kernel/bpf/syscall.c, __sys_bpf).
 */
export function keptForMaps(): CapabilityName[] {
  const disabled = readFileSync('/proc/sys/kernel/unprivileged_bpf_disabled', 'utf8').trim() !== '0';
  return disabled && isKernelBefore('5.19') ? ['bpf'] : [];
}

/** The command as nobody runs it, with these capabilities and no others. */
export function asNobody(capabilities: readonly CapabilityName[], argv: readonly string[]): string[] {
  const set = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return [
    ...['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'],
    ...[`--bounding-set=${set}`, `--inh-caps=${set}`, `--ambient-caps=${set}`],
    ...argv,
  ];
}

/** The command as root runs it without these capabilities. */
export function asRootWithout(capabilities: readonly CapabilityName[], argv: readonly string[]): string[] {
  const set = capabilities.map((name) => `-${name}`).join(',');
  return ['setpriv', `--bounding-set=${set}`, `--inh-caps=${set}`, ...argv];
}

const sets = ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'] as const;

/** What every thread of a process holds, one line a thread and set that holds anything: "12 node CapEff 2000". */
export function threadCapabilities(pid: number | 'self'): string[] {
  return threadStatuses(pid).flatMap(({ tid, name, masks }) =>
    sets.filter((set) => masks[set] !== 0n).map((set) => `${tid} ${name} ${set} ${masks[set].toString(16)}`),
  );
}

/** Lines as above of threads that hold more than these, or anything that they could hand on. */
export function threadsWithMore(pid: number | 'self', kept: readonly CapabilityName[]): string[] {
  const mask = kept.reduce((bits, name) => bits | (1n << BigInt(capabilityBit[name])), 0n);
  return threadCapabilities(pid).filter((line) => {
    const [, , set, held] = line.split(' ');
    return set === 'CapInh' || set === 'CapAmb' || (BigInt(`0x${held}`) & ~mask) !== 0n;
  });
}

export function threadCount(pid: number | 'self'): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

function threadStatuses(pid: number | 'self') {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
    const value = (key: string): string => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    const mask = (set: string): bigint => BigInt(`0x${value(set)}`);
    return {
      tid,
      name: value('Name').replaceAll(' ', '_'),
      masks: Object.fromEntries(sets.map((set) => [set, mask(set)])) as Record<(typeof sets)[number], bigint>,
    };
  });
}
