/** Every kernel in every lockdown mode, each in a guest of its own that runs all files in guest/. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { emitGuestTests } from '../emit.js';
import { foundIn, pageAndFound, writePage } from '../kernels-page.js';
import { chosenSituations } from '../situations.js';

const how = { packets: 300, everyRung: true };
const timeoutSeconds = 900;

/** For a developer; empty: all. */
const names = (process.env.TAPTRACE_GUEST_TESTS ?? '').split(/[\s,]+/).filter(Boolean);
const found = foundIn(await emitGuestTests(chosenSituations(how), names, timeoutSeconds));

const foundAny = [...found.values()].some((kernels) => kernels.size > 0);
if (process.env.TAPTRACE_WRITE_KERNELS_PAGE) it('docs/kernels.md is written', () => writePage(found));
else if (foundAny)
  it('docs/kernels.md says what was found', () => {
    const { page, found: seen } = pageAndFound(found);
    assert.deepEqual(page, seen, 'docs/kernels.md is stale: make kernels-doc writes it anew');
  });
