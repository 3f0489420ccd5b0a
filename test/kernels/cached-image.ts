import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CpioWriter } from './cpio.js';
import { cacheDirectory } from './paths.js';

/**
 * The path of an archive in the cache, written first if there is none made by this code from this input. Older
 * ones of the same name go.
 * The finished archive appears by rename, so two runs at a time do not meet half of one.
 */
export function cachedImage(name: string, input: string, write: (archive: CpioWriter) => void): string {
  const directory = join(cacheDirectory(), 'images');
  const key = createHash('sha256').update(labCode()).update(input).digest('hex').slice(0, 16);
  const fileName = `${name}-${key}.cpio`;
  const path = join(directory, fileName);
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  const archive = new CpioWriter(unfinished);
  write(archive);
  archive.close();
  renameSync(unfinished, path);
  for (const other of readdirSync(directory)) {
    if (other.startsWith(`${name}-`) && other.endsWith('.cpio') && other !== fileName)
      rmSync(join(directory, other));
  }
  return path;
}

/** The lab's own compiled modules: whatever changes in them may change what they write. */
function labCode(): string {
  const directory = dirname(fileURLToPath(import.meta.url));
  const modules = readdirSync(directory).filter((name) => name.endsWith('.js'));
  return modules.map((name) => readFileSync(join(directory, name), 'utf8')).join('');
}
