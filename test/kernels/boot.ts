import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestOutput } from './errors.js';
import { consoleFile, guestStreams, type Machine, qemuErrorsFile, startMachine } from './qemu.js';

/** How one start of a guest ended. */
export type BootEnd =
  | { readonly kind: 'exit'; readonly status: number }
  /** The guest's init could not do what the call asks. */
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'panic' }
  | { readonly kind: 'qemu'; readonly why: string }
  | { readonly kind: 'timeout'; readonly started: boolean };

export interface Boot {
  readonly end: BootEnd;
  readonly output: GuestOutput;
  /** Until the command was started; undefined if it never was. */
  readonly bootSeconds: number | undefined;
}

const pollMs = 50;
/** A guest that has said its last word gets this long to end by itself. */
const graceMs = 5000;

/** Starts the machine and waits for its end, which comes after `timeoutSeconds` at the latest. */
export async function boot(machine: Machine, timeoutSeconds: number, onPoll: () => void): Promise<Boot> {
  const startMs = performance.now();
  const deadlineMs = startMs + timeoutSeconds * 1000;
  // What a boot before this one left would be taken for this one's.
  for (const name of [consoleFile, ...guestStreams]) rmSync(join(machine.directory, name), { force: true });
  const child = startMachine(machine);
  const ended = waitForEnd(child);
  const read = (name: string): string => readIfThere(join(machine.directory, name));
  let stopMs = deadlineMs;
  let startedMs: number | undefined;
  try {
    while (!(await Promise.race([ended.then(() => true), sleep(pollMs, false)]))) {
      onPoll();
      if (/^started$/m.test(read('status'))) startedMs ??= performance.now();
      if (isOver(read)) stopMs = Math.min(stopMs, performance.now() + graceMs);
      if (performance.now() > stopMs) break;
    }
  } finally {
    child.kill('SIGKILL');
  }
  const failure = await ended;
  onPoll();
  const bootSeconds = startedMs === undefined ? undefined : (startedMs - startMs) / 1000;
  const late = performance.now() > deadlineMs;
  const output = { console: read(consoleFile), stdout: read('stdout'), stderr: read('stderr') };
  return { end: describeEnd(read, failure, late), output, bootSeconds };
}

/** Resolves when the process has ended, to why it could not run, or undefined. */
function waitForEnd(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // A qemu that somebody else has killed is no guest that panicked; our own kill is no failure.
    child.once('exit', (code, signal) =>
      resolve(code === 0 || child.killed ? undefined : `qemu ended with ${code ?? signal}`),
    );
  });
}

function isOver(read: (name: string) => string): boolean {
  return /^(exit|failed) .*\n/m.test(read('status')) || hasPanic(read(consoleFile));
}

/** Says if a kernel's console tells of its end. */
export function hasPanic(console: string): boolean {
  return /Kernel panic|double fault/.test(console);
}

function describeEnd(read: (name: string) => string, failure: string | undefined, late: boolean): BootEnd {
  const [, word, rest = ''] = /^(exit|failed) (.*)\n/m.exec(read('status')) ?? [];
  if (word === 'exit') return { kind: 'exit', status: Number(rest) };
  if (word === 'failed') return { kind: 'failed', why: rest };
  if (failure !== undefined) return { kind: 'qemu', why: `${failure}: ${read(qemuErrorsFile).trim()}` };
  if (late && !hasPanic(read(consoleFile))) {
    return { kind: 'timeout', started: /^started$/m.test(read('status')) };
  }
  return { kind: 'panic' };
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
