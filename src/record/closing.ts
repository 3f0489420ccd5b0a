/** The end of a recording, read from its end: the summary and the index, without what lies before them. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  type Body,
  decodeChunk,
  type IndexMessage,
  lengthBefore,
  lengthBytesMax,
  recordsTags,
  type SummaryMessage,
} from './schema.js';

export interface Closing {
  readonly summary: SummaryMessage;
  readonly index: IndexMessage;
}

/** The index's own offset, a fixed64 with its tag, and the CRC behind it: what a file with an index ends with. */
const offsetTag = (15 << 3) | 1;
const tailBytes = 14;
/** An index of 1024 spans has a twentieth of it. */
const indexBytesMax = 1 << 20;

function bytesAt(fd: number, offset: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  return readSync(fd, bytes, 0, length, offset) === length ? bytes : undefined;
}

/** What stands between two offsets, if it is one chunk and whole. */
function chunkBetween(fd: number, start: number, end: number): Body | undefined {
  if (start < 0 || end <= start || end - start > indexBytesMax) return undefined;
  const bytes = bytesAt(fd, start, end - start);
  const length = bytes && lengthBefore(bytes);
  if (length?.value !== end - start - length!.bytes) return undefined;
  return decodeChunk(bytes!.subarray(length!.bytes)) ?? undefined;
}

function closingOf(fd: number, bytes: number): Closing | undefined {
  const tail = bytes < tailBytes ? undefined : bytesAt(fd, bytes - tailBytes, tailBytes);
  if (tail?.[0] !== offsetTag) return undefined;
  const offset = Number(tail.readBigUInt64LE(1));
  const index = chunkBetween(fd, offset, bytes);
  if (index?.kind !== 'index') return undefined;
  const summary = chunkBetween(fd, Number(index.value.summaryOffset), offset);
  return summary?.kind === 'summary' ? { summary: summary.value, index: index.value } : undefined;
}

/** Whether chunks of records begin where the index says, each behind the one before. */
function isTrue(fd: number, { spans, summaryOffset }: IndexMessage): boolean {
  return spans.every(({ offset }, at) => {
    const room = Number(spans[at + 1]?.offset ?? summaryOffset) - Number(offset);
    const bytes = room > lengthBytesMax ? bytesAt(fd, Number(offset), lengthBytesMax + 1) : undefined;
    const start = bytes ? lengthBefore(bytes) : undefined;
    return start !== undefined && start.value <= room && recordsTags.includes(bytes![start.bytes]!);
  });
}

/** Undefined where it has no index, or one that is not true: then it has to be read from its beginning. */
export function readClosing(path: string): Closing | undefined {
  const fd = openSync(path, 'r');
  try {
    const closing = closingOf(fd, fstatSync(fd).size);
    return closing && isTrue(fd, closing.index) ? closing : undefined;
  } finally {
    closeSync(fd);
  }
}
