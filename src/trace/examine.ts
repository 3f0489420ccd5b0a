/** What works on this machine for each stage: tried, with the kernel, the rights and the settings beside it. */
import { probeFeatures } from '../attach/features.js';
import type { RefusalListener } from '../attach/refusal.js';
import { type StageTrial, smallRingBytes, tryStages } from '../attach/try.js';
import type { NativeBinding } from '../native/binding.js';
import type { DoctorReport } from '../render/doctor.js';
import { stages } from '../stages/table.js';
import { possibleCpus } from '../system/kernel.js';
import { readMachine } from '../system/machine.js';
import { explainFailure } from './failures.js';

export interface ExamineOptions {
  /** As a trace with --arm would do it. */
  readonly arm: boolean;
  /** Also the ways below the one that is chosen. */
  readonly below: boolean;
  readonly onRefused?: RefusalListener;
  /** So many stages have been tried. */
  readonly onTried?: (count: number) => void;
}

export function examine(
  native: NativeBinding,
  { arm, below, onRefused, onTried }: ExamineOptions,
): DoctorReport {
  const features = probeFeatures(native, stages);
  const cpus = possibleCpus();
  const trials: StageTrial[] = [];
  const options = {
    ...{ arm, below, cpus },
    explain: (error: unknown) => explainFailure(error, { native, ringBytes: smallRingBytes, rings: cpus }),
    ...(onRefused && { onRefused }),
  };
  for (const trial of tryStages(native, stages, features, options)) {
    trials.push(trial);
    onTried?.(trials.length);
  }
  return { features, machine: readMachine(native), trials };
}
