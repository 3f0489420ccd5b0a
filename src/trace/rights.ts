/**
 * What a trace needs to begin, asked before anything is tried, and the capabilities that it still needs once
 * everything is attached. What only decides how a stage is watched is judged rung by rung (attach/rungs.ts).
 */
import type { KernelFeatures } from '../attach/features.js';
import { MissingError } from '../errors.js';
import { type Capability, holdsCapability } from '../system/kernel.js';
import type { TraceOptions } from './options.js';

/** What a capability is for, as it is told to someone who lacks it. */
const uses = {
  CAP_BPF: 'to load BPF programs',
  CAP_PERFMON: 'to run them in kernel functions and tracepoints',
  CAP_NET_RAW: 'for the packet sockets of --arm',
  CAP_SYS_ADMIN: 'to enter the namespaces of --netns',
} as const satisfies Partial<Record<Capability, string>>;

type Asked = Pick<TraceOptions, 'arm' | 'mechanisms' | 'netns'>;

const usesPacketSockets = ({ arm, mechanisms }: Asked): boolean =>
  arm || [...mechanisms.values()].includes('packet_socket');

/** Everything that is missing for what was asked, the most needed first. */
export function missingCapabilities(held: readonly Capability[], asked: Asked): (keyof typeof uses)[] {
  const wanted: (keyof typeof uses)[] = ['CAP_BPF', 'CAP_PERFMON'];
  if (usesPacketSockets(asked)) wanted.push('CAP_NET_RAW');
  if (asked.netns.some((word) => word !== 'self')) wanted.push('CAP_SYS_ADMIN');
  return wanted.filter((name) => !holdsCapability(held, name));
}

/** Throws MissingError, which names all that is missing, where no rung of any stage can work. */
export function checkRights(held: readonly Capability[], asked: Asked): void {
  const missing = missingCapabilities(held, asked);
  if (missing.includes('CAP_BPF') || missing.includes('CAP_SYS_ADMIN'))
    throw new MissingError(
      `tracing needs capabilities that this process does not have: ${missing.map((name) => `${name} (${uses[name]})`).join(', ')}`,
      'run it as root, or give node these capabilities',
      { code: 'rights' },
    );
  if (missing.includes('CAP_PERFMON') && !usesPacketSockets(asked))
    throw new MissingError(
      `passive tracing needs CAP_PERFMON (${uses.CAP_PERFMON}), which this process does not have`,
      holdsCapability(held, 'CAP_NET_RAW')
        ? '--arm works with these rights: it watches the taps by packet sockets of its own'
        : 'CAP_NET_RAW is enough for --arm, which watches the taps by packet sockets of its own',
      { code: 'rights' },
    );
}

/** Throws MissingError where only packet sockets could work and none are asked for: they alone need no BTF. */
export function checkBtf({ btf }: Pick<KernelFeatures, 'btf'>, asked: Asked): void {
  if (btf || usesPacketSockets(asked)) return;
  throw new MissingError(
    "tracing needs the kernel's BTF, and /sys/kernel/btf/vmlinux is not there",
    'sysfs is not mounted, something hides it, or the kernel was built without CONFIG_DEBUG_INFO_BTF; --arm needs none',
  );
}

/** Work of a running trace that the kernel asks a capability for. */
export interface LaterWork {
  /** Opens packet sockets on devices that appear. */
  readonly armsDevices: boolean;
  /** Looks for devices in, or opens sockets in, another namespace than its own. */
  readonly entersNetns: boolean;
  /** Looks at namespaces by the processes in them. */
  readonly looksAtProcesses: boolean;
  /** Looks for the processes that hold packet sockets, and for the filters of these. */
  readonly asksPacketSockets: boolean;
  /** Looks at namespaces in directories that are closed to this user. */
  readonly searchesDirectories: boolean;
  /** The kernel wants CAP_BPF for maps that are open already. */
  readonly mapsNeedCapability: boolean;
  /** Loads one more program for every namespace that appears. */
  readonly loadsPrograms: boolean;
  /** Puts links of its own between the chains of rulesets that change. */
  readonly bracketsChains: boolean;
  /** Reads what rulesets trace, and the rules that it is about. */
  readonly listensToRules: boolean;
}

export interface KeptCapability {
  readonly name: Capability;
  readonly reason: string;
}

/**
 * What has to be kept of the capabilities held, each with its reason. Links, rings, sockets and /proc/kallsyms are
 * open by now, and need none.
 */
export function capabilitiesToKeep(held: readonly Capability[], work: LaterWork): KeptCapability[] {
  const bpf: Capability = held.includes('CAP_BPF') ? 'CAP_BPF' : 'CAP_SYS_ADMIN';
  const perfmon: Capability = held.includes('CAP_PERFMON') ? 'CAP_PERFMON' : 'CAP_SYS_ADMIN';
  const wanted: [boolean, Capability, string][] = [
    [work.armsDevices, 'CAP_NET_RAW', 'to arm devices that appear'],
    [work.entersNetns, 'CAP_SYS_ADMIN', 'to look for devices in other namespaces'],
    [work.looksAtProcesses, 'CAP_SYS_PTRACE', 'to find the namespaces of processes'],
    [work.asksPacketSockets, 'CAP_SYS_PTRACE', 'to name the processes that packets are delivered to'],
    [work.asksPacketSockets, 'CAP_DAC_READ_SEARCH', 'to name the processes that packets are delivered to'],
    [
      work.asksPacketSockets,
      'CAP_NET_ADMIN',
      'to read the filters of the sockets that packets are delivered to',
    ],
    [work.searchesDirectories, 'CAP_DAC_READ_SEARCH', 'to find namespaces in directories of other users'],
    [work.loadsPrograms, bpf, 'to load a program for every namespace that appears'],
    [work.bracketsChains, 'CAP_NET_ADMIN', 'to follow rulesets that change'],
    [work.bracketsChains, bpf, 'to load a program for every chain that is added'],
    [work.bracketsChains, perfmon, 'to let these programs read the kernel'],
    [work.listensToRules, 'CAP_NET_ADMIN', 'to read the rules that nft traces'],
    [work.mapsNeedCapability, bpf, 'to read counters, for which this kernel asks it'],
  ];
  const kept = new Map<Capability, string>();
  for (const [isNeeded, name, reason] of wanted)
    if (isNeeded && held.includes(name) && !kept.has(name)) kept.set(name, reason);
  return [...kept].map(([name, reason]) => ({ name, reason }));
}
