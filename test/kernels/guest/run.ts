/**
 * The test runner inside a guest: `node run.js [name…]` runs the files `<name>.guest.js` beside it, or all that are for
 * this guest, and prints what became of each test (guest-lines.ts). What tests print themselves goes to stderr.
 */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { filesFor } from '../guest-files.js';
import type { GuestLine } from '../guest-lines.js';
import { readFacts } from './facts.js';
import { TestNames, toGuestTest } from './report.js';
import { situation } from './situation.js';

const suffix = '.guest.js';
const directory = dirname(fileURLToPath(import.meta.url));
const there = readdirSync(directory)
  .filter((file) => file.endsWith(suffix))
  .map((file) => file.slice(0, -suffix.length));
const names = process.argv.length > 2 ? process.argv.slice(2) : filesFor(situation, there);

const say = (line: GuestLine): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

async function runFile(name: string): Promise<void> {
  const startMs = performance.now();
  const path = new TestNames();
  for await (const event of run({ files: [join(directory, name + suffix)], concurrency: 1 })) {
    if (event.type === 'test:start') path.start(event.data);
    else if (event.type === 'test:stdout' || event.type === 'test:stderr')
      process.stderr.write(event.data.message);
    else if (event.type === 'test:pass' || event.type === 'test:fail') {
      const test = toGuestTest(event.type === 'test:pass', event.data, path.of(event.data));
      if (test) say(test);
    }
  }
  say({ type: 'file', name, seconds: (performance.now() - startMs) / 1000 });
}

for (const name of names) await runFile(name);
for (const fact of readFacts()) say(fact);
say({ type: 'end' });
