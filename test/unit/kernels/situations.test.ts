import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kernelNames } from '../../kernels/kernels.js';
import {
  chosenSituations,
  kernelArgumentsOf,
  lockdownModes,
  situationName,
} from '../../kernels/situations.js';

const how = { packets: 1, everyRung: true };

describe('the situations of a full run', () => {
  it('are every kernel in every lockdown mode', () => {
    const all = chosenSituations(how, {}).map(situationName);
    assert.equal(new Set(all).size, kernelNames.length * lockdownModes.length);
  });
  it('may be fewer', () => {
    const env = { TAPTRACE_KERNELS: '6.1, newest', TAPTRACE_LOCKDOWN: 'integrity' };
    const names = chosenSituations(how, env).map(situationName);
    assert.deepEqual(names, ['6.1 lockdown=integrity', 'newest lockdown=integrity']);
  });
  it('have to exist', () => {
    assert.throws(() => chosenSituations(how, { TAPTRACE_KERNELS: '6.0' }), /no kernel "6.0"/);
    assert.throws(() => chosenSituations(how, { TAPTRACE_LOCKDOWN: 'some' }), /no lockdown mode "some"/);
  });
  it('tell the kernel how locked down it is', () => {
    const argumentsIn = (lockdown: (typeof lockdownModes)[number]) =>
      kernelArgumentsOf({ kernel: '6.1', lockdown, ...how });
    assert.deepEqual(argumentsIn('none'), []);
    assert.deepEqual(argumentsIn('confidentiality'), ['lockdown=confidentiality']);
  });
});
