/** Holds docs/kernels.md against what the guests found, or writes it (TAPTRACE_WRITE_KERNELS_PAGE=1). */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { GuestReport } from './guest-tests.js';
import { type Choice, type Found, kernelsPage, mechanismsOnPage } from './kernels-page.js';
import { projectRoot } from './paths.js';
import { situationName } from './situations.js';

const path = join(projectRoot, 'docs/kernels.md');

function found(reports: readonly GuestReport[]): Found[] {
  return reports.flatMap(({ situation, facts }) => {
    const choice = facts.get('choice') as Choice | undefined;
    return choice ? [{ kernel: situation.kernel, lockdown: situation.lockdown, choice }] : [];
  });
}

/** For the top level of a test file, once the guests have run. */
export function checkKernelsPage(reports: readonly GuestReport[]): void {
  const all = found(reports);
  if (process.env.TAPTRACE_WRITE_KERNELS_PAGE === '1') writeFileSync(path, kernelsPage(all));
  const page = readFileSync(path, 'utf8');
  describe('docs/kernels.md says what was found', () => {
    for (const one of all)
      it(situationName(one), () => {
        const watched = Object.entries(one.choice.mechanisms).filter(([, mechanism]) => mechanism);
        const onPage = Object.entries(mechanismsOnPage(page, one)).filter(([, mechanism]) => mechanism);
        assert.deepEqual(Object.fromEntries(onPage), Object.fromEntries(watched));
      });
  });
}
