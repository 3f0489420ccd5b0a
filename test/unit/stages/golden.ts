/** Comparing text with a file of the source tree. Tests run from the project root. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

/** UPDATE_GOLDEN=1 writes the file instead, for a change that was looked at. */
export function assertGolden(path: string, actual: string): void {
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, actual);
  assert.equal(actual, readFileSync(path, 'utf8'));
}
