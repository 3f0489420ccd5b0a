import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { sharedLibraries } from './libraries.js';
import { projectRoot } from './paths.js';

/** A file or directory here and its path in the guest. */
export interface GuestFile {
  readonly from: string;
  readonly to: string;
}

/** Where the project lies in the guest. */
export const guestProject = '/opt/taptrace';

/** What the built project needs to run: as much of it as is built. */
export function projectFiles(): GuestFile[] {
  const addons = nativeAddons('build/Release');
  const own = [
    'package.json',
    'dist',
    'src/record/recording.proto',
    ...addons,
    ...runtimePackages(projectRoot),
  ];
  const present = own.filter((path) => existsSync(join(projectRoot, path)));
  const libraries = sharedLibraries(addons.map((path) => join(projectRoot, path)));
  return [
    ...present.map((path) => ({ from: join(projectRoot, path), to: join(guestProject, path) })),
    ...libraries.map((path) => ({ from: path, to: path })),
  ];
}

function nativeAddons(directory: string): string[] {
  const path = join(projectRoot, directory);
  const names = existsSync(path) ? readdirSync(path) : [];
  return names.filter((name) => name.endsWith('.node')).map((name) => join(directory, name));
}

/** All files below the given ones, leaving out what no program reads. */
export function* expand(file: GuestFile): Generator<GuestFile> {
  if (!statSync(file.from).isDirectory()) {
    if (!/\.(d\.[cm]?ts|map|tsbuildinfo)$/.test(file.from)) yield file;
    return;
  }
  for (const name of readdirSync(file.from)) {
    yield* expand({ from: join(file.from, name), to: join(file.to, name) });
  }
}

/** The packages that `dependencies` names, and theirs in turn, as paths relative to the project's root. */
function runtimePackages(root: string): string[] {
  const found = new Set<string>();
  const visit = (directory: string): void => {
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const path = installedPackage(directory, name);
      if (!path || found.has(path)) continue;
      found.add(path);
      visit(path);
    }
  };
  visit(root);
  return [...found].map((path) => path.slice(root.length + 1));
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The directory of a package, looked for as node does; undefined when it is not installed. */
function installedPackage(from: string, name: string): string | undefined {
  const paths = createRequire(join(from, 'package.json')).resolve.paths(name) ?? [];
  const manifest = paths.map((path) => join(path, name, 'package.json')).find(existsSync);
  return manifest === undefined ? undefined : dirname(manifest);
}
