import { spawnSync } from 'node:child_process';
import { KernelLabError } from './errors.js';

/** The shared libraries (and the dynamic loader) that these ELF files need, as the dynamic linker resolves them here. */
export function sharedLibraries(elfFiles: readonly string[]): string[] {
  const libraries = new Set<string>();
  for (const file of elfFiles) {
    const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
    const missing = /^\s*(\S+) => not found/m.exec(stdout);
    if (missing)
      throw new KernelLabError('setup', `${file} needs ${missing[1]}, which is not on this machine`);
    for (const [, path] of stdout.matchAll(/(?:=>\s+|^\s+)(\/\S+) \(0x/gm)) libraries.add(path!);
  }
  return [...libraries];
}
