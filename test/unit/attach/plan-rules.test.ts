/** What holds for every plan, whatever the kernel and whatever was asked. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KernelFeatures, Refusal } from '../../../src/attach/features.js';
import type { AttachPlan, PlanRequest } from '../../../src/attach/plan.js';
import { stages } from '../../../src/stages/table.js';
import type { StageId } from '../../../src/stages/types.js';
import { kernels, v612 } from './kernels.js';
import { constantsOf, plan } from './requests.js';

const refusal: fc.Arbitrary<Refusal> = fc
  .record({
    mechanism: fc.constantFrom('fentry', 'kprobe', 'tp_btf', 'inferred', 'packet_socket', 'netfilter'),
    access: fc.option(fc.constantFrom('kfunc', 'probe', 'direct', 'context'), { nil: undefined }),
    stage: fc.option(fc.constantFrom('rx-tap', 'tx-tap', 'drop'), { nil: undefined }),
  })
  .map((parts) => ({ ...JSON.parse(JSON.stringify(parts)), reason: 'EINVAL' }));

const kernel: fc.Arbitrary<KernelFeatures> = fc
  .record({ base: fc.constantFrom(...Object.values(kernels)), refusals: fc.array(refusal, { maxLength: 5 }) })
  .map(({ base, refusals }) => ({ ...base, refusals: [...base.refusals, ...refusals] }));

const asked: fc.Arbitrary<{ words: string; changes: Partial<PlanRequest> }> = fc.record({
  words: fc.constantFrom('taps', 'all', 'rx-tap', 'tx-tap', 'taps,drop,consume', 'path'),
  changes: fc.record({
    arm: fc.boolean(),
    netnsInum: fc.constantFrom<PlanRequest['netnsInum']>('all', 'many', 4026531840),
    selectDevices: fc.boolean(),
  }),
});

function forEveryPlan(
  check: (made: AttachPlan, request: Partial<PlanRequest>, kernel: KernelFeatures) => void,
): void {
  const property = fc.property(asked, kernel, ({ words, changes }, features) =>
    check(plan(words, features, changes), changes, features),
  );
  fc.assert(property, { numRuns: 500 });
}

test('attach ids are places in the list; every stage asked for has one watch, in path order', () => {
  const order = stages.map(({ id }) => id);
  forEveryPlan(({ attachments, watches }) => {
    assert.deepEqual(
      attachments.map(({ attachId }) => attachId),
      [...attachments.keys()],
    );
    const ids = watches.map(({ stage }) => stage);
    assert.deepEqual(
      ids,
      order.filter((id) => ids.includes(id)),
    );
    for (const { stage, mechanism, provedBy } of watches) {
      const first = attachments.filter((attachment) => attachment.stage === stage && !attachment.complement);
      assert.deepEqual(
        first.map((attachment) => attachment.mechanism),
        mechanism && mechanism !== 'counted' && !provedBy ? [mechanism] : [],
        stage,
      );
    }
  });
});

const ofStage = (made: AttachPlan, stage: StageId) => made.attachments.filter((one) => one.stage === stage);

test('taps: one event a packet, so one first choice, and the backstop for what it does not see', () => {
  forEveryPlan((made, _request, features) => {
    for (const { id, backstop } of stages.filter((stage) => stage.backstop)) {
      const [first, ...others] = ofStage(made, id);
      if (!first) continue;
      const forced = new Map([[id, backstop!]]);
      const canStand = plan(id, features, { mechanisms: forced }).attachments.length > 0;
      const expected = canStand && first.mechanism !== backstop ? [[backstop, true]] : [];
      assert.deepEqual(
        others.map(({ mechanism, complement }) => [mechanism, complement]),
        expected,
      );
      assert.equal(first.complement, false);
      assert.equal(first.covered, expected.length > 0);
    }
  });
});

test('taps: the two programs of a stage share its packets by notes, or by devices where a socket sits', () => {
  forEveryPlan((made) => {
    for (const stage of ['rx-tap', 'tx-tap'] as const) {
      const [first, second] = ofStage(made, stage);
      if (!first) continue;
      const bySocket = first.mechanism === 'packet_socket' && stage === 'rx-tap';
      const carrier = first.program
        ? first
        : ofStage(made, 'rx-tap').find(({ mechanism }) => mechanism === 'packet_socket');
      const { leave_note = 0, skip_noted = 0, skip_entered = 0 } = constantsOf(carrier);
      if (bySocket) assert.equal(skip_entered, Number(second !== undefined));
      else assert.equal(leave_note, Number(second !== undefined));
      assert.equal(skip_noted, 0);
      if (!second) continue;
      assert.equal(constantsOf(second).skip_noted ?? 0, Number(!bySocket));
      assert.equal(constantsOf(second).skip_armed ?? 0, Number(bySocket));
    }
  });
});

test('no packet socket without --arm', () => {
  forEveryPlan(({ attachments }, { arm }) => {
    if (!arm) assert.ok(attachments.every(({ mechanism }) => mechanism !== 'packet_socket'));
  });
});

test('every program planned is one that the Makefile builds, with constants that bpf/ declares', () => {
  const [, built = ''] = /^BPF_OBJECTS := ((?:.*\\\n)*.*)$/m.exec(readFileSync('Makefile', 'utf8')) ?? [];
  const sources = readdirSync('bpf')
    .map((name) => readFileSync(join('bpf', name), 'utf8'))
    .join('\n');
  const declared = [...sources.matchAll(/^const volatile \w+ (\w+) =/gm)].map(([, name]) => name);
  forEveryPlan(({ attachments }) => {
    for (const { program } of attachments) {
      if (!program) continue;
      assert.ok(built.split(/[\s\\]+/).includes(program.object), program.object);
      for (const name of Object.keys(program.constants)) assert.ok(declared.includes(name), name);
    }
  });
});

test('constants: stage, frame start, tap or not, whose packets', () => {
  const { attachments } = plan('taps,netif-rx,drop,start-xmit', v612);
  const facts = attachments.map((one) => {
    const { stage, frame_start, is_tap, want_owner } = constantsOf(one);
    return [one.stage, stage, frame_start, is_tap, want_owner];
  });
  assert.deepEqual(facts, [
    ['netif-rx', 3, 0, 0, 0],
    ['rx-tap', 4, 0, 1, 0],
    ['rx-tap', 4, 0, 1, 0],
    ['tx-tap', 23, 1, 1, 1],
    ['tx-tap', 23, 1, 1, 1],
    ['start-xmit', 24, 1, 0, 1],
    ['drop', 26, 2, 0, 1],
  ]);
});

test('constants: which namespaces and devices', () => {
  const selection = (changes: Partial<PlanRequest>) => {
    const { only_netns, select_netns, select_devices } = constantsOf(
      plan('drop', v612, changes).attachments[0],
    );
    return [only_netns, select_netns, select_devices];
  };
  assert.deepEqual(selection({ netnsInum: 4026531840 }), [4026531840, 0, 0]);
  assert.deepEqual(selection({ netnsInum: 'many', selectDevices: true }), [0, 1, 1]);
  assert.deepEqual(selection({ netnsInum: 'all' }), [0, 0, 0]);
});

test('constants: arguments that tracepoints have only on newer kernels', () => {
  const facts = (features: KernelFeatures) => {
    const [drop, consume] = plan('drop,consume', features).attachments;
    return [constantsOf(drop).has_reason, constantsOf(drop).has_receiver, constantsOf(consume).has_location];
  };
  assert.deepEqual(facts(kernels.v510), [0, 0, 0]);
  assert.deepEqual(facts(kernels.v612), [1, 1, 1]);
  assert.equal('has_reason' in constantsOf(plan('rx-tap', v612).attachments[1]), false);
});
