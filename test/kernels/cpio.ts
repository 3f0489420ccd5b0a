import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const directoryType = 0o040000;
const fileType = 0o100000;
const linkType = 0o120000;
const characterDeviceType = 0o020000;

/** The links, and their targets, that make the old paths work in the merged tree. */
export const mergedLinks: readonly (readonly [path: string, target: string])[] = [
  ['/bin', 'usr/bin'],
  ['/sbin', 'usr/bin'],
  ['/usr/sbin', 'bin'],
  ['/lib', 'usr/lib'],
  ['/lib64', 'usr/lib64'],
];

/**
 * Writes an initramfs archive: cpio "newc", as described in the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst. Archives may be concatenated; of two files
 * with one path the later wins. Missing parent directories are added.
 *
 * The tree is merged like a current distribution's: all programs are in /usr/bin, all libraries in /usr/lib*.
 * Whoever writes the tree makes the links (see `mergedLinks`).
 */
export class CpioWriter {
  readonly #fd: number;
  readonly #directories = new Set<string>();
  #inode = 1;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  directory(path: string): void {
    const at = mergedPath(path);
    if (at === '/' || this.#directories.has(at)) return;
    this.directory(dirname(at));
    this.#directories.add(at);
    this.#entry(at, directoryType | 0o755, new Uint8Array());
  }

  /** A file with the bytes and the permissions of `from` (links are followed). */
  copy(path: string, from: string): void {
    this.file(path, new Uint8Array(readFileSync(from)), statSync(from).mode & 0o777);
  }

  file(path: string, content: string | Uint8Array, mode = 0o644): void {
    this.#inDirectory(path, fileType | mode, typeof content === 'string' ? encode(content) : content);
  }

  link(path: string, target: string): void {
    this.#inDirectory(path, linkType | 0o777, encode(target));
  }

  characterDevice(path: string, major: number, minor: number): void {
    this.#inDirectory(path, characterDeviceType | 0o600, new Uint8Array(), [major, minor]);
  }

  close(): void {
    this.#entry('/TRAILER!!!', 0, new Uint8Array());
    closeSync(this.#fd);
  }

  #inDirectory(path: string, mode: number, data: Uint8Array, device: [number, number] = [0, 0]): void {
    const at = mergedPath(path);
    this.directory(dirname(at));
    this.#entry(at, mode, data, device);
  }

  #entry(path: string, mode: number, data: Uint8Array, device: [number, number] = [0, 0]): void {
    const name = encode(`${path.slice(1)}\0`);
    const [uid, gid, links, mtime, major, minor, checksum] = [0, 0, 1, 0, 0, 0, 0];
    const fields = [this.#inode++, mode, uid, gid, links, mtime, data.length];
    fields.push(major, minor, ...device, name.length, checksum);
    const header = encode(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
    const parts = [header, name, padding(header.length + name.length), data, padding(data.length)];
    for (const part of parts) writeFully(this.#fd, part);
  }
}

function mergedPath(path: string): string {
  return path.replace(/^\/(usr\/)?s?bin\//, '/usr/bin/').replace(/^\/(lib|lib64)\//, '/usr/$1/');
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function padding(lengthBytes: number): Uint8Array {
  return new Uint8Array(-lengthBytes & 3);
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}
