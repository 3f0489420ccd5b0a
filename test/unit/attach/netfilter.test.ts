/** What the plan makes of netfilter links. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelFeatures } from '../../../src/attach/features.js';
import { hooksWatched } from '../../../src/attach/netfilter.js';
import { RungRefused, refusalOf } from '../../../src/attach/refusal.js';
import { tryStages } from '../../../src/attach/try.js';
import { expandStages, stageById } from '../../../src/stages/lookup.js';
import { kernelThatRefuses, nativeError } from '../support/kernel-that-refuses.js';
import { confidential, v510, v612 } from './kernels.js';
import { constantsOf, outline, plan } from './requests.js';

const hooks = ['nf-prerouting', 'nf-input', 'nf-forward', 'nf-output', 'nf-postrouting'] as const;
const words = hooks.join();
const why = (features: KernelFeatures, changes: Parameters<typeof plan>[2] = {}): string | undefined =>
  plan('nf-input', features, changes).watches[0]!.passedOver.find(
    ({ mechanism }) => mechanism === 'netfilter',
  )?.reason;

test('all hooks are watched by one program; the first carries it', () => {
  const made = plan(`taps,${words}`, v612);
  assert.deepEqual(
    hooks.map((stage) => outline(made, stage).join()),
    [
      'netfilter nf_hook_slow netfilter-kfunc/hook',
      ...hooks.slice(1).map(() => 'netfilter nf_hook_slow rides along'),
    ],
  );
  assert.deepEqual(
    hooksWatched(made.attachments).map(({ stage }) => stage),
    hooks,
  );
});

test('it is told the attach id and the stage number of each hook, and nothing of the others', () => {
  const made = plan('nf-input,nf-postrouting', v612);
  const [input, postrouting] = made.attachments;
  const constants = constantsOf(input);
  assert.equal(constants.at_input, input!.attachId | (stageById('nf-input').number << 16));
  assert.equal(constants.at_postrouting, postrouting!.attachId | (stageById('nf-postrouting').number << 16));
  for (const name of ['at_prerouting', 'at_forward', 'at_output', 'attach_id', 'stage'])
    assert.equal(constants[name], undefined, name);
});

test('a link is a probe of ours', () => {
  const { attachments, watches } = plan(words, v612);
  assert.deepEqual([...new Set(attachments.map(({ observed }) => observed))], [false]);
  assert.deepEqual([...new Set(watches.map(({ observed }) => observed))], [false]);
});

test('it reads packets without probe reads, so lockdown changes nothing', () => {
  assert.deepEqual(outline(plan('nf-input', confidential), 'nf-input'), [
    'netfilter nf_hook_slow netfilter-kfunc/hook',
  ]);
});

test('why there are none: --observe, an older kernel, missing rights', () => {
  assert.match(why(v612, { observeOnly: true })!, /would be a probe \(--observe\)/);
  assert.match(why(v510)!, /no BPF netfilter links.*since 6\.4/);
  assert.match(why({ ...v612, capabilities: ['CAP_BPF', 'CAP_PERFMON'] })!, /needs CAP_NET_ADMIN/);
  assert.equal(hooksWatched(plan(words, v510).attachments).length, 0);
});

test('what is refused for one hook is refused for all: they share the program', () => {
  const [attachment] = plan('nf-output', v612).attachments;
  for (const operation of ['load BPF program hook', 'attach netfilter link']) {
    const refusal = refusalOf(new RungRefused(attachment!, nativeError(operation, 'EOPNOTSUPP')));
    const refused = { ...v612, refusals: [refusal] };
    for (const stage of hooks) assert.deepEqual(outline(plan(words, refused), stage), [], stage);
  }
});

test('doctor loads the program and tries a link that is registered nowhere', () => {
  const { native, asked } = kernelThatRefuses(() => undefined);
  const options = { arm: false, below: false, cpus: 1 };
  const [trial] = [...tryStages(native, expandStages(['nf-input']).stages, v612, options)];
  assert.equal(trial!.watch.mechanism, 'netfilter');
  assert.deepEqual(
    asked.map(({ operation }) => operation),
    ['load', 'try netfilter link', 'close'],
  );
});

test('doctor loads it once for all hooks', () => {
  const { native, asked } = kernelThatRefuses(() => undefined);
  const options = { arm: false, below: false, cpus: 1 };
  const trials = [...tryStages(native, expandStages([words]).stages, v612, options)];
  assert.deepEqual(
    trials.map(({ watch, attachments }) => [watch.stage, watch.mechanism, attachments.length]),
    hooks.map((stage) => [stage, 'netfilter', 1]),
  );
  assert.equal(asked.filter(({ operation }) => operation === 'load').length, 1);
});

test('a kernel without them is found out by trying', () => {
  const refuse = ({ operation }: { operation: string }) =>
    operation === 'try netfilter link' ? nativeError('attach netfilter link', 'EOPNOTSUPP') : undefined;
  const { native } = kernelThatRefuses(refuse);
  const options = { arm: false, below: false, cpus: 1 };
  const [trial] = [...tryStages(native, expandStages(['nf-input']).stages, v612, options)];
  assert.notEqual(trial!.watch.mechanism, 'netfilter');
  assert.match(
    trial!.watch.passedOver.find(({ mechanism }) => mechanism === 'netfilter')!.reason,
    /attach netfilter link was refused \(EOPNOTSUPP\)/,
  );
});
