/** The suites of tests, and their files. */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Suite {
  readonly name: string;
  /** Under test/. */
  readonly folders: readonly string[];
  /** What it needs, for people. */
  readonly needs: string;
  readonly needsRoot: boolean;
  /** Files that run at the same time. */
  readonly concurrency: number;
  readonly secondsPerFile: number;
}

export const suites: readonly Suite[] = [
  {
    name: 'unit',
    folders: ['unit'],
    needs: 'nothing: no root, no kernel feature, no network',
    needsRoot: false,
    concurrency: availableParallelism(),
    secondsPerFile: 120,
  },
  {
    name: 'live',
    folders: ['live'],
    needs: 'root, BPF, network namespaces, tcpdump, iperf3, ethtool, nft, iptables, bpftool, clang',
    needsRoot: true,
    concurrency: 1,
    secondsPerFile: 900,
  },
  {
    name: 'kernels-short',
    folders: ['kernels/short'],
    needs:
      "qemu and Debian's kernels 6.1 and 6.12, which are fetched once: two guests, under four minutes on two CPUs",
    needsRoot: false,
    concurrency: 1,
    secondsPerFile: 1200,
  },
  {
    name: 'kernels',
    folders: ['kernels/full'],
    needs: 'qemu and four Debian kernels, each in three lockdown modes: half an hour on two CPUs',
    needsRoot: false,
    concurrency: 1,
    secondsPerFile: 4800,
  },
];

/** dist/test, where this file runs from, and the sources it was compiled from. */
const compiledRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const sourceRoot = resolve(compiledRoot, '../../test');

function testsBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join(folder, name));
}

/**
 * Compiled test files of a suite, sorted. They are found by their sources: a compiled file whose source was
 * removed is no test any more, and a source that was not compiled has to fail.
 */
export function testFiles({ folders }: Suite): string[] {
  return folders
    .flatMap((folder) => testsBelow(join(sourceRoot, folder)))
    .map((source) => join(compiledRoot, relative(sourceRoot, source).replace(/\.ts$/, '.js')))
    .sort();
}
