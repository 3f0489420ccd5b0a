import { join } from 'node:path';
import { CpioWriter } from './cpio.js';
import { guestModulePath } from './kernel-image.js';
import type { KernelFiles } from './kernels.js';
import { namedModules } from './modules.js';
import { labSources } from './paths.js';
import { expand, type GuestFile, projectFiles } from './project-files.js';

/** What a call brings into the guest beside the cached images. */
export interface Call {
  /** Absent: an interactive shell on the console. */
  readonly command?: readonly string[] | undefined;
  readonly modules: readonly string[];
  readonly files: readonly GuestFile[];
}

/** Writes the archive of one call: init, the project as built now, the call's own files and its modules. */
export function writeCallImage(path: string, kernel: KernelFiles, call: Call): void {
  const archive = new CpioWriter(path);
  archive.copy('/init', join(labSources, 'guest-init.sh'));
  archive.file('/lab/modules', call.modules.map((name) => `${name}\n`).join(''));
  if (call.command) archive.file('/lab/command', `exec ${call.command.map(shellQuote).join(' ')}\n`);
  for (const module of namedModules(kernel, call.modules)) {
    archive.copy(guestModulePath(kernel, module), join(kernel.modules, module));
  }
  for (const file of [...projectFiles(), ...call.files].flatMap((each) => [...expand(each)])) {
    archive.copy(file.to, file.from);
  }
  archive.close();
}

function shellQuote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
