/** `taptrace/format`: recordings and capture files, on any platform. Only a filter needs the addon. */
export { type ErrorCode, type ExitCode, TaptraceError } from './errors.js';
export { readCapture } from './library/captures.js';
export type { CaptureOptions, RunOptions, SelectOptions } from './library/options.js';
export { read, readComparison, readPath } from './library/reading.js';
export type { Run } from './library/run.js';
export type * from './lines/capture.js';
export type * from './lines/event.js';
export type * from './lines/journey.js';
export type * from './lines/line.js';
export type {
  ChainFacts,
  ComparisonGap,
  ComparisonLine,
  ComparisonResult,
  Finding,
  GroupKind,
  RuleDecision,
  StageCount,
  TimeFacts,
  Translation,
} from './lines/reports.js';
export type * from './lines/run.js';
