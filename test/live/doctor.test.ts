/** doctor tries: what it says of each stage is what a trace does there, and it leaves nothing behind. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { runTaptrace } from '../support/cli.js';
import { bpfResidue, type Residue, residueSince } from '../support/residue.js';
import { cannotRunLive } from '../support/world.js';

const skip = cannotRunLive(['bpftool']) ?? false;

let residue: Residue;
before(() => {
  if (!skip) residue = bpfResidue([]);
});

interface Watch {
  readonly stage: string;
  readonly mechanism?: string;
  readonly function?: string;
  readonly reason: string;
  /** Inferred without a program: the stages that prove it. */
  readonly provedBy?: readonly string[];
  readonly passedOver: readonly { readonly mechanism: string; readonly reason: string }[];
}

async function doctor(...args: string[]): Promise<{ stages: Watch[]; verdict: { taps: string } }> {
  const { exit, stdout, stderr } = await runTaptrace(['doctor', '--json', ...args]);
  assert.deepEqual([exit, stderr], [{ code: 0, signal: null }, '']);
  return JSON.parse(stdout);
}

const mechanisms = (watches: readonly Watch[]) =>
  Object.fromEntries(watches.flatMap(({ stage, mechanism }) => (mechanism ? [[stage, mechanism]] : [])));

describe('doctor', { skip }, () => {
  for (const args of [[], ['--arm']])
    it(`chooses what trace ${args.join(' ')} attaches, for every stage`, async () => {
      const { stages, verdict } = await doctor(...args);
      const trace = await runTaptrace([
        '--stages',
        'all',
        '-i',
        'lo',
        '--duration',
        '0.1',
        '--json',
        ...args,
      ]);
      const lines = trace.stdout.trim().split('\n');
      const header = JSON.parse(lines[0]!);
      assert.deepEqual(mechanisms(stages), header.plan);
      assert.equal(verdict.taps, args.length ? 'arm' : 'passive');
      const { notWatched } = JSON.parse(lines.at(-1)!);
      assert.deepEqual(
        notWatched.map(({ stage }: Watch) => stage),
        stages.filter(({ mechanism }) => !mechanism).map(({ stage }) => stage),
      );
      for (const { stage, reason } of notWatched)
        assert.ok(trace.stderr.split(stage).length > 2, `${stage} (${reason}) in header and summary`);
    });

  it('names the function that the program runs in, where a program runs', async () => {
    const { stages } = await doctor();
    for (const { stage, mechanism, provedBy, function: where } of stages) {
      const runs = mechanism !== undefined && mechanism !== 'counted' && provedBy === undefined;
      assert.equal(where !== undefined, runs, stage);
    }
  });

  it('tells in text what the JSON says, and never what the verifier says', async () => {
    const { stages } = await doctor();
    const { exit, stdout, stderr } = await runTaptrace(['doctor']);
    assert.deepEqual([exit.code, stderr], [0, '']);
    for (const { stage, mechanism, passedOver } of stages) {
      const line = stdout.split('\n').find((text) => text.startsWith(`  ${stage} `));
      if (!mechanism) continue;
      assert.ok(line?.includes(mechanism), stage);
      for (const entry of passedOver) assert.ok(stdout.includes(`not ${entry.mechanism} `), stage);
    }
    assert.doesNotMatch(stdout, /PROG LOAD LOG|libbpf:/);
    assert.match(stdout.trimEnd().split('\n').at(-1)!, /^Both taps can be watched here/);
  });

  it('arms nothing, and leaves nothing behind', async () =>
    assert.deepEqual(await residueSince(residue, []), []));
});
