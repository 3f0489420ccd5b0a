/** What a recording holds, without showing it: from its end where that can be, else by reading all of it. */
import { tapRecord as at, tapFlag } from '../decode/layout.generated.js';
import type { Batch } from '../decode/record.js';
import { readClosing } from './closing.js';
import { BrokenFile } from './input-file.js';
import { Recording } from './recording.js';
import { checkedBatch } from './records.js';
import type { HeaderMessage, SummaryMessage } from './schema.js';

export interface RecordingInfo {
  readonly header: HeaderMessage;
  readonly events: number;
  /** Absent where the recording ends early. */
  readonly summary?: SummaryMessage;
  readonly broken?: BrokenFile;
}

/** Throws UsageError where it is no recording. */
export async function recordingInfo(path: string): Promise<RecordingInfo> {
  const recording = await Recording.open(path);
  try {
    const { header } = recording;
    const closing = recording.bytes === undefined ? undefined : readClosing(path);
    if (closing) return { header, events: Number(closing.summary.events), summary: closing.summary };
    return { header, ...(await counted(recording)) };
  } finally {
    recording.close();
  }
}

async function counted(recording: Recording): Promise<Omit<RecordingInfo, 'header'>> {
  const free: Batch[] = [];
  let events = 0;
  let summary: SummaryMessage | undefined;
  try {
    for (let chunk = await recording.next(); chunk; chunk = await recording.next()) {
      if (chunk.kind === 'summary') summary = chunk.value;
      if (chunk.kind !== 'records') continue;
      const batch = checkedBatch(chunk.bytes, recording.header.attachments.length, free);
      if (!batch) throw new BrokenFile('damaged', recording.offset);
      events += eventsIn(batch, chunk.bytes.length);
      free.push(batch);
    }
  } catch (error) {
    if (error instanceof BrokenFile) return { events, broken: error };
    throw error;
  }
  return summary ? { events, summary } : { events, broken: new BrokenFile('cut', recording.offset) };
}

function eventsIn({ u32 }: Batch, bytes: number): number {
  let events = 0;
  for (let offset = 0; offset < bytes; offset += u32[(offset + at.recordLen) >> 2]!)
    if ((u32[(offset + at.flags) >> 2]! & tapFlag.amends) === 0) events += 1;
  return events;
}
