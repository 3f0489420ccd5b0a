import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cachedImage } from './cached-image.js';
import type { KernelFiles } from './kernels.js';
import { moduleIndexes, standardModules } from './modules.js';

/** The archive with a kernel's standard modules and its configuration. */
export function kernelImage(kernel: KernelFiles): string {
  const modules = standardModules(kernel);
  const input = [kernel.release, ...modules].join('\n');
  return cachedImage(`modules-${kernel.name}`, input, (archive) => {
    const indexes = moduleIndexes.filter((name) => existsSync(join(kernel.modules, name)));
    for (const path of [...indexes, ...modules]) {
      archive.copy(guestModulePath(kernel, path), join(kernel.modules, path));
    }
    archive.copy(`/boot/config-${kernel.release}`, kernel.config);
  });
}

/** Where a module lies in the guest. */
export function guestModulePath(kernel: KernelFiles, path: string): string {
  return join('/usr/lib/modules', kernel.release, path);
}
