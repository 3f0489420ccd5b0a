/** Version of this package. */
import { readFileSync } from 'node:fs';
import { packagePath } from '../native/binding.js';

let known: string | undefined;

export function version(): string {
  known ??= (JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version;
  return known;
}
