/**
 * What a trace meets on poor machines, each with what it has to say: one clear line, and exit 3 or a lower rung.
 * Runs on this machine and in guests with other kernels.
 */
import assert from 'node:assert/strict';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { linesSaid, runToEnd, type Said } from './cli.js';
import { tracerCommand } from './tracer.js';

/** The command with an empty file system mounted over directories, in a mount namespace of its own. */
export function withHidden(directories: readonly string[], argv: readonly string[]): string[] {
  const script = `for at in ${directories.join(' ')}; do mount -t tmpfs none "$at" || exit 99; done; exec "$@"`;
  return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script, 'sh', ...argv];
}

export const short = ['-i', 'lo', '--duration', '0.2'];
export const taptrace = (args: readonly string[] = short): string[] => [...tracerCommand(), ...args];

/** Exit 3 and one line with one hint at most: nothing of libbpf, the verifier or node. */
export function assertOneClearLine(said: Said, line: RegExp): void {
  assert.deepEqual(said.exit, { code: 3, signal: null }, said.stderr);
  const [first, ...hints] = linesSaid(said);
  assert.match(first!, line);
  assert.ok(first!.length < 400, first);
  assert.ok(hints.length <= 1, said.stderr);
  assert.equal(said.stdout, '');
}

export function assertTraced(said: Said): void {
  assert.deepEqual(said.exit, { code: 0, signal: null }, said.stderr);
  assert.match(said.stderr, /^taptrace: \d+ events in [\d.]+ s, complete/m);
}

/** Directories of the kernel's tracing that a mount can be put over. */
export const tracingDirectories = (): string[] =>
  ['/sys/kernel/tracing', '/sys/kernel/debug'].filter(existsSync);

/** A memory cgroup below our own, of either version. */
interface MemoryGroup {
  readonly directory: string;
  readonly limitFile: string;
}

function ownMemoryGroup(): MemoryGroup | undefined {
  const groups = readFileSync('/proc/self/cgroup', 'utf8');
  const [, v1] = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups) ?? [];
  const [, v2] = /^0::(.*)$/m.exec(groups) ?? [];
  if (v1 !== undefined)
    return { directory: join('/sys/fs/cgroup/memory', v1), limitFile: 'memory.limit_in_bytes' };
  return v2 === undefined ? undefined : { directory: join('/sys/fs/cgroup', v2), limitFile: 'memory.max' };
}

/** Why no memory cgroup can be made here. */
export function cannotLimitMemory(): string | undefined {
  try {
    const { directory, limitFile } = ownMemoryGroup()!;
    accessSync(directory, constants.W_OK);
    if (limitFile === 'memory.max') enableMemoryBelow(directory);
    return undefined;
  } catch (error) {
    return `no memory cgroup can be made here: ${(error as Error).message}`;
  }
}

function enableMemoryBelow(directory: string): void {
  writeFileSync(join(directory, 'cgroup.subtree_control'), '+memory');
}

/** Runs a command whose memory is limited. */
export async function runWithMemory(
  bytes: number,
  argv: readonly string[],
  timeoutMs?: number,
): Promise<Said> {
  const { directory, limitFile } = ownMemoryGroup()!;
  const group = join(directory, `taptrace-${process.pid}`);
  mkdirSync(group);
  try {
    writeFileSync(join(group, limitFile), String(bytes));
    const enter = 'echo $$ > "$1" && shift && exec "$@"';
    return await runToEnd(['sh', '-c', enter, 'sh', join(group, 'cgroup.procs'), ...argv], timeoutMs);
  } finally {
    rmdirSync(group);
  }
}
