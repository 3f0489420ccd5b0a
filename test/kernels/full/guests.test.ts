/** Every kernel in every lockdown mode, each in a guest of its own that runs all files in guest/. */
import { checkKernelsPage } from '../check-page.js';
import { emitGuestTests } from '../emit.js';
import { chosenSituations } from '../situations.js';

const how = { packets: 150, everyRung: true };
const timeoutSeconds = 2400;

/** For a developer; empty: all. */
const names = (process.env.TAPTRACE_GUEST_TESTS ?? '').split(/[\s,]+/).filter(Boolean);
/** What loads under lockdown for integrity is what loads without: there the mechanisms of the default are enough. */
const situations = chosenSituations(how).map((one) => ({ ...one, everyRung: one.lockdown !== 'integrity' }));
const reports = await emitGuestTests(situations, names, timeoutSeconds);
checkKernelsPage(reports);
