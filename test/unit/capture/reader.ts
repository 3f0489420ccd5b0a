/** `taptrace read` as a process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { packagePath } from '../../../src/native/binding.js';

export const main = packagePath('dist/bin/taptrace/main.js');

export function run(args: readonly string[], input?: Uint8Array) {
  const options = { encoding: 'utf8', maxBuffer: 1 << 26, ...(input && { input }) } as const;
  return spawnSync(process.execPath, [main, 'read', ...args], options);
}

/** Standard output of a run that has to go well. */
export function read(...args: string[]): string {
  const { status, stdout, stderr } = run(args);
  assert.equal(status, 0, stderr);
  return stdout;
}
