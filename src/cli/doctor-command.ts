/** `taptrace doctor`: what works here for each stage, tried, and what would change it. */
import { refusalBlock } from '../attach/refusal.js';
import { exitCode } from '../errors.js';
import { nativeBinding } from '../native/binding.js';
import { type DoctorReport, doctorJson, doctorText, verdictOf } from '../render/doctor.js';
import { stages } from '../stages/table.js';
import { examine } from '../trace/examine.js';
import { Output } from './output.js';

/** Only then does it take so long that a word is due. */
const patienceMs = 1000;

function tryAll(args: Record<string, unknown>, output: Output): DoctorReport {
  const startedAt = performance.now();
  const report = examine(nativeBinding(), {
    arm: Boolean(args.arm),
    below: Number(args.v) > 0,
    onRefused: (refused) => {
      if (args.debug) output.block(refusalBlock(refused));
    },
    onTried: (count) => {
      if (performance.now() - startedAt > patienceMs)
        output.progress(`tried ${count} of ${stages.length} stages`);
    },
  });
  output.progress('');
  return report;
}

/** Exit code 0 where both taps can be watched, by a probe at least, else 3. */
export async function doctorCommand(args: Record<string, unknown>): Promise<number> {
  const output = new Output();
  const report = tryAll(args, output);
  const width = Math.max(60, Math.min(process.stdout.columns ?? 100, 120));
  if (args.json) output.data(`${JSON.stringify(doctorJson(report))}\n`);
  else output.data(doctorText(report, { verbose: Number(args.v) > 0, width }));
  await output.written();
  return verdictOf(report).taps === 'none' ? exitCode.missing : exitCode.done;
}
