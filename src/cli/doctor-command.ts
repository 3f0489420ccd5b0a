/** `taptrace doctor`: what works here for each stage, tried, and what would change it. */
import { probeFeatures } from '../attach/features.js';
import { type RungRefused, refusalBlock } from '../attach/refusal.js';
import { type StageTrial, smallRingBytes, tryStages } from '../attach/try.js';
import { exitCode } from '../errors.js';
import { nativeBinding } from '../native/binding.js';
import { type DoctorReport, doctorJson, doctorText, verdictOf } from '../render/doctor.js';
import { stages } from '../stages/table.js';
import { possibleCpus } from '../system/kernel.js';
import { readMachine } from '../system/machine.js';
import { explainFailure } from '../trace/failures.js';
import { Output } from './output.js';

/** Only then does it take so long that a word is due. */
const patienceMs = 1000;

function tryAll(args: Record<string, unknown>, output: Output): DoctorReport {
  const native = nativeBinding();
  const features = probeFeatures(native, stages);
  const cpus = possibleCpus();
  const startedAt = performance.now();
  const trials: StageTrial[] = [];
  const options = {
    arm: Boolean(args.arm),
    below: Number(args.v) > 0,
    cpus,
    explain: (error: unknown) => explainFailure(error, { native, ringBytes: smallRingBytes, rings: cpus }),
    onRefused: (refused: RungRefused) => {
      if (args.debug) output.block(refusalBlock(refused));
    },
  };
  for (const trial of tryStages(native, stages, features, options)) {
    trials.push(trial);
    if (performance.now() - startedAt > patienceMs)
      output.progress(`tried ${trials.length} of ${stages.length} stages`);
  }
  output.progress('');
  return { features, machine: readMachine(native), trials };
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
