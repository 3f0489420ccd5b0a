/** What programs may import from `taptrace`: for now the stage table and the words for it. */
export { expandStages, isStageId, stageById, stageByNumber, UnknownStageError } from './stages/lookup.js';
export { stages } from './stages/table.js';
export type {
  Direction,
  FrameStart,
  Mechanism,
  Rung,
  Stage,
  StageGroup,
  StageId,
} from './stages/types.js';
