/** taptrace as nobody runs it, wherever the build and node lie. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { asNobody, type CapabilityName } from './capabilities.js';
import { tracerCommand } from './tracer.js';

const OTHERS_READ = 0o4;
const [node, main] = tracerCommand() as [string, string];
const PACKAGE_ROOT = resolve(main, '../../../..');
/** Mounts in a namespace of their own, so that no directory above the checkout has to be open to nobody. */
const MOUNT_AND_RUN =
  'cd "$1" && mount --bind "$2" package && mount --bind "$3" node && shift 3 && exec "$@"';

export class Nobody {
  readonly #directory = mkdtempSync(join(tmpdir(), 'taptrace-nobody-'));

  constructor() {
    chmodSync(this.#directory, 0o755);
    mkdirSync(join(this.#directory, 'package'));
    writeFileSync(join(this.#directory, 'node'), '');
  }

  /** Why nobody cannot run it here. */
  static cannotRun(): string | undefined {
    const isReadable = (statSync(main).mode & OTHERS_READ) !== 0;
    return isReadable ? undefined : 'the build is not readable by others (umask)';
  }

  /** The command of taptrace with these capabilities and no others. */
  taptrace(capabilities: readonly CapabilityName[], args: readonly string[]): string[] {
    const at = this.#directory;
    const command = [join(at, 'node'), join(at, main.replace(PACKAGE_ROOT, 'package')), ...args];
    const isolated = ['unshare', '--mount', '--propagation', 'private'];
    return [
      ...[...isolated, 'sh', '-c', MOUNT_AND_RUN, 'sh', at, PACKAGE_ROOT, node],
      ...asNobody(capabilities, command),
    ];
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }
}
