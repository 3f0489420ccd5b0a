import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sharedLibraries } from './libraries.js';
import { projectRoot } from './paths.js';

/** A file or directory here and its path in the guest. */
export interface GuestFile {
  readonly from: string;
  readonly to: string;
}

/** Where the project lies in the guest. */
export const guestProject = '/opt/taptrace';

/** What the built project needs to run: as much of it as is built. Other packages are in its bundle. */
export function projectFiles(): GuestFile[] {
  const addons = nativeAddons('build/Release');
  const own = ['package.json', 'dist', 'src/record/recording.proto', ...addons];
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
    if (!/\.(d\.[cm]?ts|map|tsbuildinfo|tgz)$/.test(file.from)) yield file;
    return;
  }
  for (const name of readdirSync(file.from)) {
    yield* expand({ from: join(file.from, name), to: join(file.to, name) });
  }
}
