import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cachedImage } from './cached-image.js';
import { type CpioWriter, mergedLinks } from './cpio.js';
import { KernelLabError } from './errors.js';
import { sharedLibraries } from './libraries.js';

/**
 * Programs every guest has, and the Debian package of each. The shell is the host's, for busybox's prefers its own
 * applets to the programs in PATH.
 */
const neededTools = {
  sh: 'dash',
  busybox: 'busybox-static',
  ip: 'iproute2',
  ping: 'iputils-ping',
  tcpdump: 'tcpdump',
  // What test/support runs beside them.
  bash: 'bash',
  bpftool: 'bpftool',
  ethtool: 'ethtool',
  iperf3: 'iperf3',
  nft: 'nftables',
  setpriv: 'util-linux',
  taskset: 'util-linux',
  unshare: 'util-linux',
  mount: 'mount',
  sysctl: 'procps',
};
/** Programs a guest has if this machine has them. */
const welcomeTools = ['tc', 'bridge', 'ss', 'conntrack', 'strace', 'capsh'];
/** Tables that these programs read: protocol, port and routing table names. */
const tables = ['/etc/protocols', '/etc/services', '/etc/ethertypes', '/etc/iproute2', '/usr/share/iproute2'];

/** busybox's own applets that would hide a real program of the list above. */
const realTools = new Set([...Object.keys(neededTools), ...welcomeTools]);

/** The archive with node and the programs, made when any of them has changed. It serves all kernels. */
export function toolboxImage(): string {
  const tools = findTools();
  const libraries = sharedLibraries([...tools.values()]);
  const input = [...tools.values(), ...libraries].map(
    (file) => `${file} ${statSync(file).size} ${statSync(file).mtimeMs}`,
  );
  return cachedImage('toolbox', input.join('\n'), (archive) => writeToolbox(archive, tools, libraries));
}

function writeToolbox(
  archive: CpioWriter,
  tools: ReadonlyMap<string, string>,
  libraries: readonly string[],
): void {
  for (const [path, target] of mergedLinks) archive.link(path, target);
  // The kernel opens it as the standard streams of /init, before /dev is mounted.
  archive.characterDevice('/dev/console', 5, 1);
  for (const path of ['/proc', '/sys', '/tmp', '/run', '/root', '/var']) archive.directory(path);
  archive.link('/var/run', '../run');
  archive.link('/etc/mtab', '../proc/mounts');
  // tcpdump gives up root for its own user.
  archive.file(
    '/etc/passwd',
    'root:x:0:0::/root:/bin/sh\ntcpdump:x:100:100::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
  );
  archive.file('/etc/group', 'root:x:0:\ntcpdump:x:100:\nnogroup:x:65534:\n');
  archive.file('/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n');
  for (const library of libraries) archive.copy(library, library);
  for (const [name, path] of tools) archive.copy(`/usr/bin/${name}`, path);
  for (const applet of busyboxApplets(tools.get('busybox')!)) archive.link(`/usr/bin/${applet}`, 'busybox');
  for (const table of tables.filter(existsSync)) copyTable(archive, table);
}

function busyboxApplets(busybox: string): string[] {
  const { stdout } = spawnSync(busybox, ['--list'], { encoding: 'utf8' });
  return stdout.split('\n').filter((applet) => applet !== '' && !realTools.has(applet));
}

function copyTable(archive: CpioWriter, path: string): void {
  if (statSync(path).isFile()) archive.copy(path, path);
  else for (const name of readdirSync(path)) copyTable(archive, join(path, name));
}

/** Where each program is, by name. */
function findTools(): Map<string, string> {
  const tools = new Map([['node', realpathSync(process.execPath)]]);
  for (const [name, packageName] of Object.entries(neededTools)) {
    const path = findProgram(name);
    if (!path) throw new KernelLabError('setup', `the guest needs ${name} (Debian package ${packageName})`);
    tools.set(name, path);
  }
  for (const name of welcomeTools) {
    const path = findProgram(name);
    if (path) tools.set(name, path);
  }
  return tools;
}

/** A program's real path; administrators' directories are searched whether or not PATH has them. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  const path = directories.map((directory) => join(directory, name)).find(isExecutable);
  return path === undefined ? undefined : realpathSync(path);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
