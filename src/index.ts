/** `taptrace`: what the command line does, for programs. Recordings alone: `taptrace/format`. */
export * from './format.js';
export { compare, path, trace } from './library/live.js';
export type { RunOptions, TraceOptions } from './library/options.js';
export { type DoctorOptions, doctor, type ReportOptions, stages } from './library/reports.js';
export type * from './lines/reports.js';
export { expandStages, isStageId, stageById, stageByNumber } from './stages/lookup.js';
export { stages as stageTable } from './stages/table.js';
export type { FrameStart, Rung, StageGroup } from './stages/types.js';
