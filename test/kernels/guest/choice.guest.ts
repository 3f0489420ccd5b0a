/** What doctor chooses for each stage here: for docs/kernels.md, and the same as a trace does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runTaptrace } from '../../support/cli.js';
import { patient } from '../../support/process.js';
import { Tracer } from '../../support/tracer.js';
import type { Choice } from '../kernels-page.js';
import { saveFact } from './facts.js';
import { situation } from './situation.js';

interface Watch {
  readonly stage: string;
  readonly mechanism?: string;
  readonly seesBytes?: boolean;
}

const atTheTaps = new Set(['netif-rx', 'rx-tap', 'dev-queue', 'tx-tap', 'start-xmit', 'drop', 'consume']);

describe('doctor', () => {
  let watches: readonly Watch[] = [];

  it('finds a way to watch both taps, by trying', async () => {
    const { exit, stdout, stderr } = await runTaptrace(['doctor', '--json'], patient(40_000));
    assert.deepEqual(exit, { code: 0, signal: null }, stderr);
    const report = JSON.parse(stdout) as { kernel: string; stages: readonly Watch[] };
    watches = report.stages;
    const mechanisms = watches.map(({ stage, mechanism, seesBytes = true }) => [
      stage,
      mechanism ? `${mechanism}${seesBytes ? '' : ', no bytes'}` : null,
    ]);
    const choice: Choice = { release: report.kernel, mechanisms: Object.fromEntries(mechanisms) };
    saveFact('choice', choice);
  });

  it('chooses as a trace does', async () => {
    const chosen = watches.flatMap(({ stage, mechanism }) =>
      mechanism ? [[stage, mechanism] as const] : [],
    );
    assert.ok(chosen.length >= 7, chosen.join(' '));
    // All of them load some forty programs, which takes a minute here, and longer on older kernels.
    const asksAll = situation.lockdown === 'none' && situation.kernel === 'newest';
    const asked = chosen.filter(([stage]) => asksAll || atTheTaps.has(stage));
    const tracer = await Tracer.start(['--stages', asked.map(([stage]) => stage).join(','), '-i', 'lo']);
    const { header } = await tracer.stop();
    assert.deepEqual(header.plan, Object.fromEntries(asked));
  });
});
