/** Runs test files inside a guest and brings back what became of each test. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consoleTail, KernelLabError } from './errors.js';
import { type GuestFile, type GuestTest, parseGuestLines } from './guest-lines.js';
import { guestProject } from './project-files.js';
import { type GuestResult, runInKernel } from './run.js';
import { kernelArgumentsOf, type Situation, situationName } from './situations.js';

/** Everything in an emulated machine takes this many times longer than on this one, or less. */
const patience = 12;
const memoryMib = 2048;

export interface GuestReport {
  readonly situation: Situation;
  readonly tests: readonly GuestTest[];
  /** What the tests found out, by name. */
  readonly facts: ReadonlyMap<string, unknown>;
  /** Test files that came to their end. */
  readonly files: readonly GuestFile[];
  /** Why the guest did not come to its end, with the path of its console. */
  readonly failure?: string;
  readonly seconds: number;
  readonly panics: number;
}

/** Boots a guest and runs the files `guest/<name>.guest.ts`. A boot that panics counts for nothing but its panic. */
export async function runGuestTests(
  situation: Situation,
  names: readonly string[],
  timeoutSeconds: number,
): Promise<GuestReport> {
  const startMs = performance.now();
  const panicConsoles: string[] = [];
  const report = (stdout: string, failure?: string): GuestReport => ({
    ...{ situation, panics: panicConsoles.length, seconds: (performance.now() - startMs) / 1000 },
    ...resultsIn(stdout),
    ...(failure !== undefined && { failure }),
  });
  try {
    const result = await runInKernel({
      kernel: situation.kernel,
      kernelArguments: kernelArgumentsOf(situation),
      command: commandFor(situation, names),
      timeoutSeconds,
      memoryMib,
      onPanic: (console) => panicConsoles.push(keepConsole(situation, console)),
    });
    return report(result.stdout, whyIncomplete(situation, result));
  } catch (error) {
    if (!(error instanceof KernelLabError)) throw error;
    const { console, stdout } = error.output;
    const kept = console === '' ? '' : `\nall of it is in ${keepConsole(situation, console)}`;
    return report(error.code === 'timeout' ? stdout : '', `${error.message}${kept}`);
  }
}

function commandFor(situation: Situation, names: readonly string[]): string[] {
  const environment = [`TAPTRACE_SITUATION=${JSON.stringify(situation)}`, `TAPTRACE_PATIENCE=${patience}`];
  return ['env', ...environment, 'node', join(guestProject, 'dist/test/kernels/guest/run.js'), ...names];
}

function resultsIn(stdout: string): Pick<GuestReport, 'tests' | 'facts' | 'files'> {
  const lines = parseGuestLines(stdout);
  const facts = lines.flatMap((line) => (line.type === 'fact' ? [[line.name, line.value] as const] : []));
  return {
    tests: lines.filter((line) => line.type === 'test'),
    facts: new Map(facts),
    files: lines.filter((line) => line.type === 'file'),
  };
}

/** A runner that ends in order says so last; the kernel's console and the runner's stderr tell more. */
function whyIncomplete(situation: Situation, { status, stdout, stderr, console }: GuestResult) {
  if (status === 0 && parseGuestLines(stdout).at(-1)?.type === 'end') return undefined;
  const path = keepConsole(situation, console);
  return [
    `the test runner in the guest ended early, with status ${status}`,
    stderr.trimEnd(),
    `the guest's console is in ${path} and ends with:`,
    consoleTail(console),
  ].join('\n');
}

/** Writes a guest's console where a person finds it. */
function keepConsole(situation: Situation, console: string): string {
  const name = situationName(situation).replaceAll(/[^\w.]/g, '-');
  const path = join(mkdtempSync(join(tmpdir(), `taptrace-guest-${name}-`)), 'console');
  writeFileSync(path, console);
  return path;
}
