import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KernelLabError } from './errors.js';
import { cacheDirectory, labSources } from './paths.js';

/** The reference kernels: a name to call each by, and the Debian suite whose cloud kernel it is. */
export const kernelSuites = {
  '5.10': 'bullseye',
  '6.1': 'bookworm',
  '6.12': 'trixie',
  newest: 'trixie-backports',
} as const;

export type KernelName = keyof typeof kernelSuites;
export const kernelNames = Object.keys(kernelSuites) as KernelName[];

/** Those without which there is nothing to test; a mirror may have dropped the others. */
export const mandatoryKernels: readonly KernelName[] = ['6.1', '6.12'];

/** A kernel unpacked in the cache. */
export interface KernelFiles {
  readonly name: KernelName;
  /** As `uname -r` says it. */
  readonly release: string;
  readonly image: string;
  /** The build configuration. */
  readonly config: string;
  /** The directory that holds `kernel/` and modules.dep. */
  readonly modules: string;
}

/** Reads a kernel name given by a person. */
export function parseKernelName(text: string): KernelName {
  const name = kernelNames.find((known) => known === text);
  if (name) return name;
  throw new KernelLabError('setup', `no kernel "${text}": the lab knows ${kernelNames.join(', ')}`);
}

/** The kernel from the cache; fetched first when it is not there. */
export function kernelFiles(name: KernelName): KernelFiles {
  const directory = join(cacheDirectory(), name);
  if (!existsSync(join(directory, 'release'))) fetchKernel(name);
  const release = readFileSync(join(directory, 'release'), 'utf8').trim();
  return {
    name,
    release,
    image: join(directory, 'vmlinuz'),
    config: join(directory, 'config'),
    modules: join(directory, 'lib/modules', release),
  };
}

/** fetch-kernel.sh's status when the mirror answers and has no such kernel; anything else may be the network. */
const mirrorHasNone = 4;

/** Downloads a kernel and unpacks it into the cache, replacing what is there. Progress goes to stderr. */
export function fetchKernel(name: KernelName): void {
  const script = join(labSources, 'fetch-kernel.sh');
  const { status } = spawnSync('bash', [script, join(cacheDirectory(), name), kernelSuites[name]], {
    stdio: ['ignore', 2, 2],
  });
  if (status === mirrorHasNone)
    throw new KernelLabError('unavailable', `the mirror has no cloud kernel of ${kernelSuites[name]}`);
  if (status !== 0) throw new KernelLabError('setup', `kernel ${name} could not be fetched (see above)`);
}
