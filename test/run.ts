/**
 * The test runner: `node dist/test/run.js [suite…]`. Says what each suite needs, runs its files with
 * node:test, and closes with one line of totals over all of them.
 */
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { allowedSkips } from './allowed-skips.js';
import { type Suite, suites, testFiles } from './runner/suites.js';
import { Tally } from './runner/tally.js';

const strict = process.env.CI === 'true';
// Handed on to every test file: failures then name lines of the sources.
process.execArgv.push('--enable-source-maps');
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function suiteNamed(name: string): Suite {
  const suite = suites.find((one) => one.name === name);
  if (suite) return suite;
  process.stderr.write(`no suite '${name}'; there are: ${suites.map((one) => one.name).join(', ')}\n`);
  process.exit(2);
}

/** The totals that node:test gives for each run: ours at the end are over all suites. */
async function* withoutTotals<Event extends { type: string; data: object }>(events: AsyncIterable<Event>) {
  for await (const event of events) if (event.type !== 'test:diagnostic' || 'file' in event.data) yield event;
}

async function runFiles(
  files: string[],
  { concurrency, secondsPerFile }: Suite,
  tally: Tally,
): Promise<void> {
  const events = run({ files, concurrency, timeout: secondsPerFile * 1000 });
  events.on('test:pass', (test) => tally.add('pass', test));
  events.on('test:fail', (test) => tally.add('fail', test));
  await pipeline(events, withoutTotals, new spec(), async (texts: AsyncIterable<string>) => {
    for await (const text of texts) process.stdout.write(text);
  });
}

async function runSuite(suite: Suite, tally: Tally): Promise<void> {
  const { name, needs, needsRoot } = suite;
  const files = testFiles(suite);
  say(`\n${name}: ${files.length} files; needs ${needs}`);
  if (files.length === 0) return tally.fail(`${name}: no test files`);
  if (needsRoot && process.getuid?.() !== 0) {
    say(`${name}: not run, because this process is not root`);
    return tally.skip(`suite ${name}`, 'needs root');
  }
  const startMs = performance.now();
  await runFiles(files, suite, tally);
  say(`${name}: ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}

const tally = new Tally(allowedSkips, strict);
const names = process.argv.slice(2);
const chosen = names.length > 0 ? names.map(suiteNamed) : suites;
for (const suite of chosen) await runSuite(suite, tally);
say('');
for (const line of tally.closingLines()) say(line);
process.exitCode = tally.failed > 0 ? 1 : 0;
