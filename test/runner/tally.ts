/** Counts what node:test reports: tests, not suites; skips with their reasons. */
import type { AllowedSkip } from '../allowed-skips.js';

/** What of a test:pass or test:fail event matters here. */
export interface Reported {
  readonly name: string;
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details?: { readonly type?: string | undefined; readonly error?: unknown };
}

export interface Skip {
  readonly name: string;
  readonly reason: string;
  readonly allowed?: AllowedSkip;
}

const reasonOf = (value: string | boolean): string =>
  typeof value === 'string' && value ? value : 'no reason given';

export class Tally {
  passed = 0;
  failed = 0;
  readonly skips: Skip[] = [];
  /** Failures that node:test does not print itself. */
  readonly remarks: string[] = [];

  constructor(
    private readonly allowed: readonly AllowedSkip[],
    /** A skip that is not allowed is a failure. */
    private readonly strict: boolean,
  ) {}

  add(outcome: 'pass' | 'fail', test: Reported): void {
    if (test.skip !== undefined && test.skip !== false) this.skip(test.name, reasonOf(test.skip));
    else if (test.todo !== undefined && test.todo !== false)
      this.skip(test.name, `to do: ${reasonOf(test.todo)}`);
    else if (test.details?.type === 'suite') this.addSuite(outcome, test);
    else if (outcome === 'fail') this.failed += 1;
    else if (test.name === test.file) this.fail(`${test.name}: ended without having run a test`);
    else this.passed += 1;
  }

  /** A suite fails by itself when one of its hooks does; otherwise its tests were counted. */
  private addSuite(outcome: 'pass' | 'fail', { details }: Reported): void {
    const { failureType } = (details?.error ?? {}) as { failureType?: string };
    if (outcome === 'fail' && failureType !== 'subtestsFailed') this.failed += 1;
  }

  fail(remark: string): void {
    this.failed += 1;
    this.remarks.push(remark);
  }

  skip(name: string, reason: string): void {
    const allowed = this.allowed.find((entry) => entry.name.test(name) && entry.reason.test(reason));
    if (this.strict && !allowed) this.fail(`${name}: skipped, which CI does not allow (${reason})`);
    else this.skips.push({ name, reason, ...(allowed && { allowed }) });
  }

  /** What was skipped and why, then the closing line that CI reads. */
  closingLines(): string[] {
    const lines = this.remarks.map((remark) => `FAILED: ${remark}`);
    for (const { name, reason, allowed } of this.skips)
      lines.push(`skipped: ${name}: ${reason}${allowed ? ` (allowed: ${allowed.why})` : ''}`);
    return [...lines, `${this.passed} passed, ${this.failed} failed, ${this.skips.length} skipped`];
  }
}
