/** `taptrace doctor`: what is available, what was chosen for each stage, and why not better. */
import { exitCode } from '../errors.js';
import { doctorJson, doctorText } from '../render/doctor.js';
import { Output } from './output.js';
import { stagesReport } from './report.js';

export async function doctorCommand(args: Record<string, unknown>): Promise<number> {
  const { report, features } = stagesReport(Boolean(args.arm));
  const output = new Output();
  if (args.json) output.data(`${JSON.stringify(doctorJson(report, features))}\n`);
  else output.data(doctorText(report, features));
  await output.written();
  return exitCode.done;
}
