import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CpioWriter } from './cpio.js';
import { cacheDirectory } from './paths.js';

/** An archive of another checkout's lab may be in use for this long. */
const inUseMs = 3_600_000;

/**
 * The path of an archive in the cache, written first if there is none made by this code from this input. Others
 * of the same name go when they are old.
 * The finished archive appears by rename, so two runs at a time do not meet half of one.
 */
export function cachedImage(name: string, input: string, write: (archive: CpioWriter) => void): string {
  const directory = join(cacheDirectory(), 'images');
  const key = createHash('sha256').update(labCode()).update(input).digest('hex').slice(0, 16);
  const fileName = `${name}-${key}.cpio`;
  const path = join(directory, fileName);
  if (existsSync(path)) {
    utimesSync(path, new Date(), new Date());
    return path;
  }
  mkdirSync(directory, { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  const archive = new CpioWriter(unfinished);
  write(archive);
  archive.close();
  renameSync(unfinished, path);
  removeOld(directory, name);
  return path;
}

function removeOld(directory: string, name: string): void {
  for (const other of readdirSync(directory).filter((file) => file.startsWith(`${name}-`))) {
    const { mtimeMs } = statSync(join(directory, other), { throwIfNoEntry: false }) ?? {
      mtimeMs: Date.now(),
    };
    if (Date.now() - mtimeMs > inUseMs) rmSync(join(directory, other), { force: true });
  }
}

/** The lab's own compiled modules: whatever changes in them may change what they write. */
function labCode(): string {
  const directory = dirname(fileURLToPath(import.meta.url));
  const modules = readdirSync(directory).filter((name) => name.endsWith('.js'));
  return modules.map((name) => readFileSync(join(directory, name), 'utf8')).join('');
}
