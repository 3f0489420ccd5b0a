/** The npm package as users get it: installed offline, with the few commands that a machine without a compiler has. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { packagePath } from '../../src/native/binding.js';
import { sharedLibraries } from '../kernels/libraries.js';

const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string };
const tarball = packagePath(`dist/taptrace-${version}.tgz`);

/** The package, laid out for `npx` and `import`. */
export interface Installed {
  /** Where it was installed; the package is in node_modules/taptrace. */
  readonly folder: string;
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
}

/** node, npm, npx and a shell, and nothing that could build anything. */
function poorPath(folder: string): string {
  mkdirSync(folder);
  const commands = ['node', 'npm', 'npx', 'sh', 'env'];
  for (const name of commands) {
    const found = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    symlinkSync(realpathSync(found), join(folder, name));
  }
  return folder;
}

/** Installs the tarball of `make package` into a new folder, with no network. */
export function installPackage(dir: string): Installed {
  if (!existsSync(tarball)) throw new Error(`there is no ${tarball}: "make package" makes it`);
  const folder = join(dir, 'app');
  mkdirSync(folder);
  const env = { PATH: poorPath(join(dir, 'bin')), HOME: dir, npm_config_cache: join(dir, 'cache') };
  const options = ['--offline', '--no-audit', '--no-fund', '--no-update-notifier'];
  execFileSync('npm', ['install', ...options, tarball], { cwd: folder, env, stdio: 'pipe' });
  return { folder, root: join(folder, 'node_modules/taptrace'), env };
}

/** A root directory with node, the libraries that node itself needs, and the package: nothing else. */
export function minimalRoot(dir: string, { root: installed }: Installed): string {
  const root = join(dir, 'root');
  for (const folder of ['proc', 'sys', 'tmp']) mkdirSync(join(root, folder), { recursive: true });
  const files = [process.execPath, ...sharedLibraries([process.execPath])];
  for (const file of files) {
    const to = join(root, file === process.execPath ? '/bin/node' : file);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(file, to);
  }
  cpSync(installed, join(root, 'node_modules', basename(installed)), { recursive: true });
  return root;
}

/** The command as it is run with `root` as its root directory; what is mounted there is gone with it. */
export function inRoot(root: string, argv: readonly string[]): string[] {
  const mounts = 'for at in proc sys; do mount --rbind /$at "$0/$at"; done; exec chroot "$0" "$@"';
  return ['unshare', '--mount', 'sh', '-c', mounts, root, ...argv];
}
