import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KernelLabError } from './errors.js';
import type { KernelFiles } from './kernels.js';

/**
 * What every guest can load, by `modprobe` or because the kernel asks for it (`ip link add … type vlan`):
 * all of net/, the software network devices, and what carries the guest's output.
 */
const alwaysThere = [
  /^kernel\/net\//,
  /^kernel\/drivers\/net\/[^/]+\.ko$/,
  /^kernel\/drivers\/net\/(bonding|team|vxlan|ipvlan|netkit|ovpn|wireguard)\//,
  /^kernel\/drivers\/(virtio\/|char\/virtio_console\.ko$)/,
];

/** Files beside the modules that modprobe reads. */
export const moduleIndexes = [
  'modules.dep',
  'modules.alias',
  'modules.symbols',
  'modules.builtin',
  'modules.softdep',
];

/** Paths, relative to the kernel's module directory, of the modules in every guest and of all they depend on. */
export function standardModules(kernel: KernelFiles): string[] {
  const dependencies = readDependencies(kernel);
  return closure(
    dependencies,
    [...dependencies.keys()].filter((path) => alwaysThere.some((wanted) => wanted.test(path))),
  );
}

/** The same for modules named in a call. Names built into the kernel give nothing. */
export function namedModules(kernel: KernelFiles, names: readonly string[]): string[] {
  const dependencies = readDependencies(kernel);
  const byName = new Map([...dependencies.keys()].map((path) => [moduleName(path), path]));
  const builtin = readFileSync(join(kernel.modules, 'modules.builtin'), 'utf8').split('\n').map(moduleName);
  const paths = names.flatMap((name) => {
    const path = byName.get(moduleName(name));
    if (path) return [path];
    if (builtin.includes(moduleName(name))) return [];
    throw new KernelLabError('setup', `kernel ${kernel.release} has no module "${name}"`);
  });
  return closure(dependencies, paths);
}

/** A module's name: file names write "-" where the kernel says "_". */
function moduleName(path: string): string {
  return basename(path, '.ko').replaceAll('-', '_');
}

/** modules.dep has all dependencies of a module on its line, the indirect ones too. */
function readDependencies(kernel: KernelFiles): Map<string, string[]> {
  const lines = readFileSync(join(kernel.modules, 'modules.dep'), 'utf8').split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [path = '', needs = ''] = line.split(':');
      return [path, needs.split(' ').filter(Boolean)];
    }),
  );
}

function closure(dependencies: ReadonlyMap<string, string[]>, paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap((path) => [path, ...(dependencies.get(path) ?? [])]))];
}
