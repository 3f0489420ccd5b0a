/** Network namespaces: which ones the user means, and which exist. */
import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { MissingError, UsageError } from '../errors.js';

export interface Netns {
  /** Inode number: the namespace's identity. */
  readonly inum: number;
  /** Where it can be entered; null for the one we run in. */
  readonly path: string | null;
  /** What to call it: its name under /run/netns, else the user's word for it. */
  readonly name: string;
}

const namedDirectory = '/run/netns';
const ownPath = '/proc/self/ns/net';

export function netnsInum(path: string): number {
  return statSync(path).ino;
}

export function ownNetns(): Netns {
  return { inum: netnsInum(ownPath), path: null, name: 'own' };
}

function named(): { name: string; path: string }[] {
  if (!existsSync(namedDirectory)) return [];
  return readdirSync(namedDirectory).map((name) => ({ name, path: `${namedDirectory}/${name}` }));
}

function pathOf(word: string): string {
  if (word === 'self') return ownPath;
  if (/^\d+$/.test(word)) return `/proc/${word}/ns/net`;
  return word.includes('/') ? word : `${namedDirectory}/${word}`;
}

function resolveOne(word: string): Netns {
  const path = pathOf(word);
  let inum: number;
  try {
    inum = netnsInum(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      throw new MissingError(
        `the network namespace '${word}' may not be looked at (${path}: ${code})`,
        "another user's process needs CAP_SYS_PTRACE, a directory that is closed CAP_DAC_READ_SEARCH",
        { code: 'rights' },
      );
    const known = named().map(({ name }) => name);
    throw new UsageError(
      `no network namespace '${word}' (looked at ${path})`,
      known.length
        ? `named namespaces: ${known.join(', ')}`
        : 'there are no named namespaces; a process id or a path works too',
      'not-found',
    );
  }
  const own = ownNetns();
  return inum === own.inum ? { ...own, name: word } : { inum, path, name: word };
}

/** Every namespace that a name or a process holds, each once; what cannot be read is left out. */
export function allNetns(): Netns[] {
  const found = new Map<number, Netns>();
  const own = ownNetns();
  found.set(own.inum, own);
  for (const { name, path } of named()) {
    try {
      const inum = netnsInum(path);
      if (!found.has(inum)) found.set(inum, { inum, path, name });
    } catch {
      // It was deleted since the directory was read.
    }
  }
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const path = `/proc/${pid}/ns/net`;
    try {
      const inum = Number(/\d+/.exec(readlinkSync(path))?.[0]);
      if (!found.has(inum)) found.set(inum, { inum, path, name: `pid ${pid}` });
    } catch {
      // The process ended, or is another user's.
    }
  }
  return [...found.values()];
}

/** The namespaces behind --netns words; `all` stands for every one. Throws UsageError. */
export function resolveNetns(words: readonly string[]): { all: boolean; list: Netns[] } {
  if (words.includes('all')) return { all: true, list: allNetns() };
  if (words.length === 0) return { all: false, list: [ownNetns()] };
  const byInum = new Map(words.map(resolveOne).map((netns) => [netns.inum, netns]));
  return { all: false, list: [...byInum.values()] };
}
