import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { mandatoryKernels } from '../../kernels/kernels.js';
import { type Found, kernelsPage, mechanismsOnPage } from '../../kernels/kernels-page.js';
import { lockdownModes } from '../../kernels/situations.js';

const found = (kernel: Found['kernel'], lockdown: Found['lockdown'], rx: string | null): Found => ({
  ...{ kernel, lockdown },
  choice: { release: `${kernel}.0-debian`, mechanisms: { xdp: null, 'rx-tap': rx, 'tx-tap': 'fentry' } },
});

describe('docs/kernels.md', () => {
  const all = [
    found('6.1', 'none', 'kprobe'),
    found('6.12', 'none', null),
    found('6.1', 'integrity', 'tp_btf'),
  ];
  const page = kernelsPage(all);

  it('gives back what it was made from', () => {
    for (const one of all) {
      const { xdp, ...watched } = one.choice.mechanisms;
      assert.equal(xdp, null);
      assert.deepEqual(mechanismsOnPage(page, one), watched);
    }
  });
  it('names releases, and stages that nothing watches', () => {
    assert.match(page, /\| 6\.1 \| 6\.1\.0-debian \|/);
    assert.match(page, /Not watched in this version: xdp\./);
  });
  it('as committed has the mandatory kernels in every mode', () => {
    const committed = readFileSync('docs/kernels.md', 'utf8');
    for (const kernel of mandatoryKernels)
      for (const lockdown of lockdownModes)
        assert.ok(mechanismsOnPage(committed, { kernel, lockdown })['rx-tap'], `${kernel} ${lockdown}`);
  });
});
