/** Makes the tests that ran in guests tests of this process, so that they are shown and counted as any other. */
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { KernelLabError } from './errors.js';
import type { GuestTest } from './guest-lines.js';
import { type GuestReport, runGuestTests } from './guest-tests.js';
import { type KernelName, kernelFiles, mandatoryKernels } from './kernels.js';
import { type Situation, situationName } from './situations.js';

/** Each guest keeps one CPU busy (qemu.ts), and half a gigabyte to two of memory. */
const guestsAtOnce = Math.min(availableParallelism(), 4);

/**
 * Runs the test files of these names in a guest for every situation, some guests at a time, and registers their
 * tests as they come in. For the top level of a test file.
 */
export async function emitGuestTests(
  situations: readonly Situation[],
  names: readonly string[],
  timeoutSeconds: number,
): Promise<GuestReport[]> {
  const missing = missingKernels([...new Set(situations.map(({ kernel }) => kernel))]);
  const waiting = situations.filter(({ kernel }) => !missing.has(kernel));
  const reports: GuestReport[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const report = await runGuestTests(next, names, timeoutSeconds);
      reports.push(report);
      emitReport(report);
    }
  };
  await Promise.all(Array.from({ length: guestsAtOnce }, worker));
  console.log(`guests: ${reports.length} run, ${sumUpPanics(reports)}`);
  return reports;
}

/** Fetches what is not in the cache, before any guest runs. A kernel that may be missing and is becomes a skip. */
function missingKernels(kernels: readonly KernelName[]): Set<KernelName> {
  return new Set(
    kernels.filter((kernel) => {
      try {
        kernelFiles(kernel);
        return false;
      } catch (error) {
        if (!(error instanceof KernelLabError)) throw error;
        const skip = error.code === 'unavailable' && !mandatoryKernels.includes(kernel) && error.message;
        it(`kernel ${kernel}`, { skip }, () => {
          throw error;
        });
        return true;
      }
    }),
  );
}

function emitReport(report: GuestReport): void {
  const { situation, tests, files, failure, seconds, panics } = report;
  const name = situationName(situation);
  console.log(`guest ${name}: ${tests.length} tests in ${seconds.toFixed(0)} s, ${panics} panics`);
  console.log(files.map(({ name, seconds: taken }) => `${name} ${taken.toFixed(0)} s`).join(', '));
  describe(name, () => {
    for (const test of tests) emitTest(test);
    if (failure !== undefined || tests.length === 0)
      it('the guest runs all its tests', () => {
        throw new GuestFailure(failure ?? 'no test ran');
      });
  });
}

function emitTest({ name, outcome, reason, error }: GuestTest): void {
  it(name, { skip: outcome === 'skipped' && (reason ?? true) }, () => {
    if (outcome === 'failed') throw new GuestFailure(error ?? 'it said nothing');
  });
}

/** A failure that happened in a guest: only what was said there matters, not where it is told again. */
class GuestFailure extends Error {
  override readonly name = 'GuestFailure';

  constructor(text: string) {
    super(text);
    this.stack = text;
  }
}

function sumUpPanics(reports: readonly GuestReport[]): string {
  const total = reports.reduce((sum, { panics }) => sum + panics, 0);
  const where = reports.flatMap(({ panics, situation }) => (panics > 0 ? [situationName(situation)] : []));
  return where.length > 0 ? `${total} panics (${where.join(', ')})` : 'no panics';
}
