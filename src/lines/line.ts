/** Every line that --json prints; docs/schema.json is made of this type. */
import type { CapturedPacketLine, CaptureInterfaceLine, CaptureLine, CaptureSummaryLine } from './capture.js';
import type { EventLine } from './event.js';
import type { JourneyLine } from './journey.js';
import type { ComparisonLine, DoctorLine, StagesLine } from './reports.js';
import type { GapLine, HeaderLine, SummaryLine } from './run.js';

export type Line =
  | HeaderLine
  | EventLine
  | GapLine
  | JourneyLine
  | SummaryLine
  | ComparisonLine
  | StagesLine
  | DoctorLine
  | CaptureLine
  | CaptureInterfaceLine
  | CapturedPacketLine
  | CaptureSummaryLine;
