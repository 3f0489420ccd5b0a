/** A short look at the mandatory kernels: the taps beside tcpdump. */
import { emitGuestTests } from '../emit.js';
import { mandatoryKernels } from '../kernels.js';

const how = { lockdown: 'none', packets: 1000, everyRung: false } as const;
const timeoutSeconds = 300;

const situations = mandatoryKernels.map((kernel) => ({ kernel, ...how }));
await emitGuestTests(situations, ['differential'], timeoutSeconds);
