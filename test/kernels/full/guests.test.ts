/** Every kernel in every lockdown mode, each in a guest of its own that runs all files in guest/. */
import { emitGuestTests } from '../emit.js';
import { chosenSituations } from '../situations.js';

const packets = 600;
const timeoutSeconds = 900;

/** Empty: all. */
const names = (process.env.TAPTRACE_GUEST_TESTS ?? '').split(/[\s,]+/).filter(Boolean);
await emitGuestTests(chosenSituations(packets), names, timeoutSeconds);
