import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest directory at or above `start` that holds a package.json. */
function packageAbove(start: string): string | undefined {
  for (let dir = start; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'package.json'))) return dir;
    if (dir === dirname(dir)) return undefined;
  }
}

/** The project's root: where this module's package lies, or the working directory's when compiled elsewhere. */
export const projectRoot: string =
  packageAbove(dirname(fileURLToPath(import.meta.url))) ?? packageAbove(process.cwd()) ?? process.cwd();

/** Where the shell scripts of the lab lie; tsc copies none of them. */
export const labSources: string = join(projectRoot, 'test/kernels');

/** The cache of unpacked kernels and ready-made images. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return (
    env.TAPTRACE_KERNEL_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'taptrace', 'kernels')
  );
}
