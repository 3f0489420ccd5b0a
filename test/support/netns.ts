/** Network namespaces of tests: private, named after the process that made them, and removed with it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { onEarlyExit, run } from './process.js';

const NETNS_DIR = '/run/netns';
const NAME = /^tt(\d+)x\d+[a-z]$/;
let worlds = 0;

/** Names for the namespaces of one more world: `tt<pid>x<n>a`, `tt<pid>x<n>b`. */
export function nextNetnsNames(): [string, string] {
  const [a, b] = netnsNamesFor('ab');
  return [a!, b!];
}

/** Names for the namespaces of one more world, one for each letter. */
export function netnsNamesFor(letters: string): string[] {
  worlds += 1;
  return [...letters].map((letter) => `tt${process.pid}x${worlds}${letter}`);
}

/** A namespace that exists until `remove` is called or this process ends. */
export interface Netns {
  readonly name: string;
  /** Inode number: what the tracer calls `netns`. */
  readonly inode: number;
  remove(): void;
}

/** Makes a network namespace. */
export async function addNetns(name: string): Promise<Netns> {
  await run(['ip', 'netns', 'add', name]);
  const remove = () => removeNetns(name);
  const forget = onEarlyExit(remove);
  return {
    name,
    inode: statSync(`${NETNS_DIR}/${name}`).ino,
    remove: () => {
      forget();
      remove();
    },
  };
}

function removeNetns(name: string): void {
  if (existsSync(`${NETNS_DIR}/${name}`)) execFileSync('ip', ['netns', 'del', name]);
}

/** Removes namespaces whose process was killed before it could do so itself. */
export function removeOrphanedNetns(): void {
  if (!existsSync(NETNS_DIR)) return;
  for (const name of readdirSync(NETNS_DIR)) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNetns(name);
  }
}
