/** `taptrace stages`: the map, in order, and how each stage would be watched here. */
import { stagesReport } from '../attach/report.js';
import { exitCode, UsageError } from '../errors.js';
import { printable } from '../render/printable.js';
import { stagesJson } from '../render/stages-json.js';
import { renderStages } from '../render/stages-text.js';
import { isStageId } from '../stages/lookup.js';
import type { StageId } from '../stages/types.js';
import { Output } from './output.js';

function stageIds(words: readonly string[]): StageId[] {
  return words.map((word) => {
    if (isStageId(word)) return word;
    throw new UsageError(`no stage '${printable(word)}'`, '"taptrace stages" lists them');
  });
}

export async function stagesCommand(args: Record<string, unknown>): Promise<number> {
  const only = stageIds((args._ as unknown[]).map(String));
  const report = stagesReport(Boolean(args.arm));
  const output = new Output();
  const kept = {
    ...report,
    stages: report.stages.filter(({ stage }) => !only.length || only.includes(stage.id)),
  };
  if (args.json) output.data(`${JSON.stringify(stagesJson(kept))}\n`);
  else
    output.data(
      renderStages(report, {
        colour: output.colour,
        width: process.stdout.columns ?? 100,
        verbose: Number(args.v) > 0,
        ...(only.length && { only }),
      }),
    );
  await output.written();
  return exitCode.done;
}
