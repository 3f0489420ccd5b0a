/** A short look at the mandatory kernels: the taps beside tcpdump. */
import { emitGuestTests } from '../emit.js';
import { mandatoryKernels } from '../kernels.js';

const packets = 1000;
const timeoutSeconds = 300;

const situations = mandatoryKernels.map((kernel) => ({ kernel, lockdown: 'none', packets }) as const);
await emitGuestTests(situations, ['differential'], timeoutSeconds);
