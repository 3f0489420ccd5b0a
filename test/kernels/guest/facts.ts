/** What tests in a guest find out and the host wants to know. Each test file is a process: files carry it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestFact } from '../guest-lines.js';

const directory = '/run/taptrace-facts';

/** Brings a value to the host, as JSON. */
export function saveFact(name: string, value: unknown): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), JSON.stringify(value));
}

/** Everything that was saved. */
export function readFacts(): GuestFact[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).map((name) => {
    const value: unknown = JSON.parse(readFileSync(join(directory, name), 'utf8'));
    return { type: 'fact', name, value };
  });
}
