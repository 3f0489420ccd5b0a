/** What this kernel allows, as values. */
import { stagesReport } from '../attach/report.js';
import type { DoctorLine, StagesLine } from '../lines/reports.js';
import { nativeBinding } from '../native/binding.js';
import { doctorJson } from '../render/doctor.js';
import { stagesJson } from '../render/stages-json.js';
import { examine } from '../trace/examine.js';
import { asTaptraceError } from './run.js';

export interface ReportOptions {
  /** As it would be with --arm. */
  readonly arm?: boolean;
}

export interface DoctorOptions extends ReportOptions {
  /** Also tries the ways below the one that is chosen. */
  readonly below?: boolean;
}

/** Errors as they leave the library; values as a program gets them from --json. */
function reported<T>(make: () => T): T {
  try {
    return JSON.parse(JSON.stringify(make())) as T;
  } catch (error) {
    throw asTaptraceError(error);
  }
}

/** The map of the kernel path, and how each stage would be watched here: judged, not tried. Throws TaptraceError. */
export function stages(options: ReportOptions = {}): StagesLine {
  return reported(() => stagesJson(stagesReport(options.arm ?? false)));
}

/**
 * What this kernel and these rights allow for each stage: its programs are loaded and attached, one stage after the
 * other, which takes about a second. Throws TaptraceError.
 */
export function doctor(options: DoctorOptions = {}): DoctorLine {
  const { arm = false, below = false } = options;
  return reported(() => doctorJson(examine(nativeBinding(), { arm, below })));
}
