/** Raw records from a file, checked before anything is read out of them. */
import { tapRecord as at, tapRecordBytes } from '../decode/layout.generated.js';
import { Batch } from '../decode/record.js';
import { recordVersion } from './schema.js';

/** Room for records, in sizes that others can use again. */
function roomFor(bytes: number, free: Batch[]): Batch {
  const last = free.pop();
  if (last && last.u8.length >= bytes) return last;
  return new Batch(new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(bytes, 4096)))));
}

/**
 * A copy whose records may be changed, with room behind them; undefined where they are damaged. `free`: batches that
 * nobody uses any more.
 */
export function checkedBatch(bytes: Uint8Array, attachments: number, free: Batch[]): Batch | undefined {
  if (bytes.length % 8 !== 0) return undefined;
  const batch = roomFor(bytes.length, free);
  batch.u8.set(bytes);
  const { u32, u16, u8 } = batch;
  for (let offset = 0; offset < bytes.length; ) {
    const word = offset >> 2;
    const length = u32[word + (at.recordLen >> 2)]!;
    if (length < tapRecordBytes || length % 8 !== 0 || length > bytes.length - offset) return undefined;
    if (u8[offset + at.version] !== recordVersion) return undefined;
    if (u16[(offset + at.attachId) >> 1]! >= attachments) return undefined;
    if (u32[word + (at.capLen >> 2)]! > length - tapRecordBytes) return undefined;
    offset += length;
  }
  return batch;
}
