/** The memory that the control groups of this process allow it, of either version. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface MemoryLimit {
  readonly bytes: number;
  /** The file that sets it. */
  readonly file: string;
}

interface Hierarchy {
  /** Where its root is mounted. */
  readonly mount: string;
  readonly path: string;
  readonly limitFile: string;
}

/** Version 1 says "no limit" by the largest number of whole pages; anything near it is none. */
const noLimitBytes = 2 ** 62;

/** Mount points by file system, from /proc/self/mountinfo; of version 1 the one of the memory controller. */
function mountOf(mountinfo: string, type: 'cgroup' | 'cgroup2'): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [fileSystem, , options = ''] = after.split(' ');
    if (fileSystem !== type) continue;
    if (type === 'cgroup2' || options.split(',').includes('memory')) return before.split(' ')[4];
  }
  return undefined;
}

/** Lines of /proc/self/cgroup read like "4:memory:/a" (version 1) or "0::/a" (version 2). */
function hierarchies(cgroup: string, mountinfo: string): Hierarchy[] {
  return cgroup.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    const isV2 = controllers === '';
    if (!isV2 && !controllers!.split(',').includes('memory')) return [];
    const mount = mountOf(mountinfo, isV2 ? 'cgroup2' : 'cgroup');
    return mount ? [{ mount, path, limitFile: isV2 ? 'memory.max' : 'memory.limit_in_bytes' }] : [];
  });
}

/** The smallest limit of a group and the groups above it. */
export function memoryLimit(read = (file: string): string => readFileSync(file, 'utf8')): MemoryLimit | null {
  const text = (file: string): string => {
    try {
      return read(file);
    } catch {
      return '';
    }
  };
  let least: MemoryLimit | null = null;
  for (const { mount, path, limitFile } of hierarchies(
    text('/proc/self/cgroup'),
    text('/proc/self/mountinfo'),
  ))
    for (let at = path; ; at = dirname(at)) {
      const file = join(mount, at, limitFile);
      const bytes = Number.parseInt(text(file), 10);
      if (bytes < Math.min(noLimitBytes, least?.bytes ?? Number.POSITIVE_INFINITY)) least = { bytes, file };
      if (at === '/' || at === '.') break;
    }
  return least;
}
