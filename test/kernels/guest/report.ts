/** Events of node:test as lines for the host. */
import { inspect } from 'node:util';
import type { GuestTest } from '../guest-lines.js';

interface Named {
  readonly name: string;
  readonly nesting: number;
}

/** What of a test:pass or test:fail event matters here. */
export interface Ended extends Named {
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
  readonly details: {
    readonly type?: string | undefined;
    readonly duration_ms: number;
    readonly error?: unknown;
  };
}

/** Follows which suites are open, since an event only names its own test. */
export class TestNames {
  readonly #open: string[] = [];

  start({ name, nesting }: Named): void {
    this.#open[nesting] = name;
  }

  /** The name of a test with those of the suites around it. */
  of({ name, nesting }: Named): string {
    return [...this.#open.slice(0, nesting), name].join(': ');
  }
}

/** The line of a test; undefined for a suite that only sums up its tests. */
export function toGuestTest(passed: boolean, test: Ended, name: string): GuestTest | undefined {
  const { skip, details } = test;
  const seconds = details.duration_ms / 1000;
  const common = { type: 'test', name, seconds } as const;
  if (skip !== undefined && skip !== false)
    return { ...common, outcome: 'skipped', reason: typeof skip === 'string' ? skip : 'no reason given' };
  if (passed && test.name === test.file)
    return { ...common, outcome: 'failed', error: 'the file ended without having run a test' };
  if (details.type === 'suite' && (passed || failureType(details.error) === 'subtestsFailed'))
    return undefined;
  if (passed) return { ...common, outcome: 'passed' };
  return { ...common, outcome: 'failed', error: errorText(details.error) };
}

function failureType(error: unknown): string | undefined {
  return (error as { failureType?: string } | undefined)?.failureType;
}

/** node:test wraps what was thrown. */
function errorText(error: unknown): string {
  const thrown = (error as { cause?: unknown } | undefined)?.cause ?? error;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : inspect(thrown);
}
