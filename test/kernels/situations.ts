/** The guests that tests run in: a kernel, and how locked down it is. */
import { type KernelName, kernelNames, parseKernelName } from './kernels.js';

export const lockdownModes = ['none', 'integrity', 'confidentiality'] as const;
export type Lockdown = (typeof lockdownModes)[number];

export interface Situation {
  readonly kernel: KernelName;
  readonly lockdown: Lockdown;
  /** About so many packets are compared with tcpdump, at all taps together. */
  readonly packets: number;
  /** Every rung of every ladder beside tcpdump, not just what is used by default. */
  readonly everyRung: boolean;
}

/** Words for the kernel's command line. */
export function kernelArgumentsOf({ lockdown }: Situation): string[] {
  return lockdown === 'none' ? [] : [`lockdown=${lockdown}`];
}

export function situationName({ kernel, lockdown }: Pick<Situation, 'kernel' | 'lockdown'>): string {
  return lockdown === 'none' ? kernel : `${kernel} lockdown=${lockdown}`;
}

/** Every kernel in every mode; the environment may name fewer (TAPTRACE_KERNELS, TAPTRACE_LOCKDOWN). */
export function chosenSituations(
  how: Pick<Situation, 'packets' | 'everyRung'>,
  env: NodeJS.ProcessEnv = process.env,
): Situation[] {
  const kernels = listed(env.TAPTRACE_KERNELS, kernelNames).map(parseKernelName);
  const modes = listed(env.TAPTRACE_LOCKDOWN, lockdownModes).map(parseLockdown);
  return modes.flatMap((lockdown) => kernels.map((kernel) => ({ kernel, lockdown, ...how })));
}

function listed(text: string | undefined, all: readonly string[]): readonly string[] {
  const words = (text ?? '').split(/[\s,]+/).filter(Boolean);
  return words.length > 0 ? words : all;
}

function parseLockdown(text: string): Lockdown {
  const mode = lockdownModes.find((known) => known === text);
  if (mode) return mode;
  throw new Error(`no lockdown mode "${text}": there are ${lockdownModes.join(', ')}`);
}
