import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Boot, boot } from './boot.js';
import { type Call, writeCallImage } from './call-image.js';
import { type GuestOutput, KernelLabError } from './errors.js';
import { kernelImage } from './kernel-image.js';
import { type KernelName, kernelFiles } from './kernels.js';
import type { GuestFile } from './project-files.js';
import type { Machine } from './qemu.js';
import { toolboxImage } from './toolbox-image.js';

/** A program to run as root in a guest with one of Debian's kernels. */
export interface GuestRun {
  readonly kernel: KernelName;
  readonly command: readonly string[];
  /** Modules loaded before the command starts; most others are loaded when the kernel asks for them. */
  readonly modules?: readonly string[];
  /** Files and directories copied into the guest beside the built project (which is in /opt/taptrace). */
  readonly files?: readonly GuestFile[];
  /** For each boot and the command together. */
  readonly timeoutSeconds?: number;
  /** Words for the kernel's command line, such as `lockdown=integrity`. */
  readonly kernelArguments?: readonly string[];
  readonly cpus?: number;
  readonly memoryMib?: number;
  /** Called often while the guest runs, with the directory where the files stdout and stderr grow. */
  readonly onPoll?: (directory: string) => void;
  /** Called with the console of every boot that ended in a panic. */
  readonly onPanic?: (console: string) => void;
}

export interface GuestResult extends GuestOutput {
  /** The command's exit status; 128 + signal number if a signal ended it. */
  readonly status: number;
  /** From the call to the result: images, all boots, the command. */
  readonly seconds: number;
  /** From the last start of qemu to the start of the command. */
  readonly bootSeconds: number;
  /** Boots that ended in a panic before this one; with any, the emulation deserves a look. */
  readonly panics: number;
}

const maxPanics = 2;

/** Boots a kernel, runs the command in it and gives back what it printed. Throws KernelLabError if the lab fails. */
export async function runInKernel(run: GuestRun): Promise<GuestResult> {
  const startMs = performance.now();
  const machine = prepareMachine(run);
  try {
    for (let panics = 0; ; panics++) {
      const guest = await boot(machine, run.timeoutSeconds ?? 120, () => run.onPoll?.(machine.directory));
      if (guest.end.kind === 'panic') run.onPanic?.(guest.output.console);
      if (guest.end.kind === 'panic' && panics < maxPanics) continue;
      const status = statusOrThrow(guest, run, panics);
      return {
        ...guest.output,
        status,
        seconds: (performance.now() - startMs) / 1000,
        bootSeconds: guest.bootSeconds ?? Number.NaN,
        panics,
      };
    }
  } finally {
    rmSync(machine.directory, { recursive: true, force: true });
  }
}

/** Makes a machine's directory and its one initrd: node and programs, the kernel's modules, the call. */
export function prepareMachine(run: Omit<GuestRun, 'command'> & Partial<GuestRun>): Machine {
  const kernel = kernelFiles(run.kernel);
  const images = [toolboxImage(), kernelImage(kernel)];
  const call: Call = { command: run.command, modules: run.modules ?? [], files: run.files ?? [] };
  const directory = mkdtempSync(join(tmpdir(), 'taptrace-kernel-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const initrd = join(directory, 'initrd');
  const callImage = join(directory, 'call.cpio');
  try {
    writeCallImage(callImage, kernel, call);
    concatenate([...images, callImage], initrd);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    kernelImage: kernel.image,
    initrd,
    kernelArguments: run.kernelArguments ?? [],
    directory,
    cpus: run.cpus ?? 2,
    memoryMib: run.memoryMib ?? 1024,
    interactive: run.command === undefined,
  };
}

function concatenate(files: readonly string[], into: string): void {
  const fd = openSync(into, 'w');
  const { status } = spawnSync('cat', files, { stdio: ['ignore', fd, 2] });
  closeSync(fd);
  if (status !== 0) throw new KernelLabError('setup', `the initrd could not be written to ${into}`);
}

function statusOrThrow({ end, output }: Boot, run: GuestRun, panics: number): number {
  switch (end.kind) {
    case 'exit':
      return end.status;
    case 'failed':
      throw new KernelLabError('setup', `kernel ${run.kernel}: ${end.why}`, output);
    case 'qemu':
      throw new KernelLabError('qemu', end.why, output);
    case 'panic':
      throw new KernelLabError('panic', `kernel ${run.kernel} panicked ${panics + 1} times`, output);
    case 'timeout': {
      const what = end.started ? `${run.command.join(' ')} was still running` : 'the command had not started';
      throw new KernelLabError(
        'timeout',
        `kernel ${run.kernel}: ${what} after ${run.timeoutSeconds ?? 120} s`,
        output,
      );
    }
  }
}
