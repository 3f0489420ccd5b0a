import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { KernelLabError } from './errors.js';
import { projectRoot } from './paths.js';
import { findProgram } from './toolbox-image.js';

/** One start of a virtual machine. */
export interface Machine {
  readonly kernelImage: string;
  readonly initrd: string;
  readonly kernelArguments: readonly string[];
  /** Where the guest's console and streams are kept. */
  readonly directory: string;
  readonly cpus: number;
  readonly memoryMib: number;
  /** The guest's console on this terminal instead of in a file. */
  readonly interactive: boolean;
}

/** The streams of a guest, each a file of this name in the machine's directory. */
export const guestStreams = ['stdout', 'stderr', 'status'] as const;
export const consoleFile = 'console';
export const qemuErrorsFile = 'qemu-errors';

const program = 'qemu-system-x86_64';

/**
 * A CPU that software emulation gets right:
 * - without cmpxchg16b, which qemu 7.2 lets leave rubbish in EFLAGS (translate.c gives its helper a stale cc_op);
 *   the kernel's slab allocator uses it everywhere, and one boot in ten ended in a double fault somewhere else;
 * - with rdrand, for want of any other source of randomness makes node wait more than a second.
 */
const cpuModel = 'Nehalem,-cx16,+rdrand';

/**
 * All virtual CPUs in turn on one thread: side by side, one may run an int3 that the other has already patched away
 * (jump labels, ftrace, kprobes), and the kernel dies of it. There are still two of them for the guest.
 */
const accelerator = 'tcg,thread=single';

/**
 * Reboot at the first oops. Trust the TSC: on a busy host the kernel's watchdog would distrust it in the middle of a
 * run, and change the clock of all time stamps to the HPET, which is slow to read. Page table isolation and retpolines
 * cost emulation a tenth of its speed, and clearing every page that is allocated a twentieth; not `mitigations=off`,
 * which has the BPF verifier check less.
 */
const kernelArguments = [
  ...['console=ttyS0', 'panic=-1', 'oops=panic', 'tsc=reliable'],
  ...['pti=off', 'spectre_v2=off', 'init_on_alloc=0'],
];

/**
 * A guest measures its TSC, which is the host's, against a timer that qemu emulates: on a busy host it can be wrong by a
 * factor of three, and all its clocks and time limits run fast. Told the frequency it need not measure.
 */
function clockArguments(): string[] {
  const { status, stdout } = spawnSync(join(projectRoot, 'dist/tools/tsc_khz'), { encoding: 'utf8' });
  return status === 0 ? [`tsc_early_khz=${stdout.trim()}`] : [];
}

/** Starts qemu. A guest that panics or oopses reboots at once, and qemu ends instead of rebooting. */
export function startMachine(machine: Machine): ChildProcess {
  const path = findProgram(program);
  if (!path) {
    throw new KernelLabError('setup', `the lab needs ${program} (Debian package qemu-system-x86)`);
  }
  const options = ['-accel', accelerator, '-cpu', cpuModel];
  options.push('-smp', `${machine.cpus}`, '-m', `${machine.memoryMib}`);
  options.push('-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot');
  options.push('-kernel', machine.kernelImage, '-initrd', machine.initrd);
  options.push('-append', [...kernelArguments, ...clockArguments(), ...machine.kernelArguments].join(' '));
  options.push(...(machine.interactive ? ['-serial', 'mon:stdio'] : streamOptions(machine.directory)));
  const errors = openSync(join(machine.directory, qemuErrorsFile), 'w');
  try {
    // The machine ends with this process, however this process ends.
    return spawn('setpriv', ['--pdeathsig', 'KILL', '--', path, ...options], {
      stdio: machine.interactive ? 'inherit' : ['ignore', errors, errors],
    });
  } finally {
    closeSync(errors);
  }
}

function streamOptions(directory: string): string[] {
  const options = ['-serial', `file:${join(directory, consoleFile)}`, '-device', 'virtio-serial-pci'];
  for (const stream of guestStreams) {
    options.push('-chardev', `file,id=${stream},path=${join(directory, stream)}`);
    options.push('-device', `virtserialport,chardev=${stream},name=${stream}`);
  }
  return options;
}
