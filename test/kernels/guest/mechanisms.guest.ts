/** How each stage is watched here, as the doctor says: for the table in docs/kernels.md. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { stages } from '../../../src/stages/table.js';
import { runTaptrace } from '../../support/cli.js';
import type { FoundMechanisms } from '../mechanisms.js';
import { saveFact } from './facts.js';

interface DoctorJson {
  readonly kernel: string;
  readonly stages: readonly {
    readonly stage: string;
    readonly mechanism?: string;
    readonly reason: string;
  }[];
}

it('the doctor finds a mechanism for both taps, and says of every other stage why there is none', async () => {
  const { exit, stdout, stderr } = await runTaptrace(['doctor', '--json']);
  assert.deepEqual(exit, { code: 0, signal: null }, stderr);
  const doctor = JSON.parse(stdout) as DoctorJson;
  assert.deepEqual(
    doctor.stages.map(({ stage }) => stage),
    stages.map(({ id }) => id),
  );
  const mechanisms = Object.fromEntries(
    doctor.stages.map(({ stage, mechanism }) => [stage, mechanism ?? null] as const),
  );
  assert.ok(mechanisms['rx-tap'] && mechanisms['tx-tap'], stdout);
  for (const { stage, reason } of doctor.stages) assert.ok(reason, `${stage}: no reason`);
  const found: FoundMechanisms = { release: doctor.kernel, mechanisms };
  saveFact('mechanisms', found);
});
