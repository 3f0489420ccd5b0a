/** Records as a BPF program writes them, for tests: bytes at the offsets of the generated layout. */

import { tapFlag, tapPresent, tapRecord, tapRecordBytes } from '../../../src/decode/layout.generated.js';
import { Batch, RecordView } from '../../../src/decode/record.js';

export type Field = Exclude<keyof typeof tapRecord, 'recordLen' | 'present' | 'flags' | 'comm' | 'reserved'>;

export interface RecordContent {
  readonly fields?: Partial<Record<Field, number | bigint>>;
  readonly has?: readonly (keyof typeof tapPresent)[];
  readonly is?: readonly (keyof typeof tapFlag)[];
  /** Bytes of the task's name, at most 16. */
  readonly comm?: string | Uint8Array;
  /** Packet data; capLen is its length unless given. */
  readonly data?: Uint8Array;
}

const offsets = [...new Set([...Object.values(tapRecord), tapRecordBytes])].sort((a, b) => a - b);

/** A field reaches to the next one; `reserved` and `comm` apart there are no gaps. */
export function fieldBytes(field: Field): number {
  return offsets.find((offset) => offset > tapRecord[field])! - tapRecord[field];
}

function writeField(view: DataView, field: Field, value: number | bigint): void {
  const at = tapRecord[field];
  const bytes = fieldBytes(field);
  const wrapped = BigInt.asUintN(bytes * 8, BigInt(value));
  for (let i = 0; i < bytes; i += 1) view.setUint8(at + i, Number((wrapped >> BigInt(8 * i)) & 0xffn));
}

function bits<Name extends string>(values: Readonly<Record<Name, number>>, names: readonly Name[]): number {
  return names.reduce((sum, name) => sum | values[name], 0) >>> 0;
}

/** One record: header, data, padding to 8 bytes. */
export function recordBytes(content: RecordContent): Uint8Array {
  const data = content.data ?? new Uint8Array(0);
  const bytes = new Uint8Array((tapRecordBytes + data.length + 7) & ~7);
  const view = new DataView(bytes.buffer);
  const fields = { version: 1, capLen: data.length, len: data.length, ...content.fields };
  for (const [field, value] of Object.entries(fields)) writeField(view, field as Field, value);
  view.setUint32(tapRecord.recordLen, bytes.length, true);
  view.setUint32(tapRecord.present, bits(tapPresent, content.has ?? []), true);
  view.setUint32(tapRecord.flags, bits(tapFlag, content.is ?? []), true);
  const { comm = '' } = content;
  bytes.set(typeof comm === 'string' ? new TextEncoder().encode(comm) : comm, tapRecord.comm);
  bytes.set(data, tapRecordBytes);
  return bytes;
}

/** Records one behind the other, as a drain delivers them. */
export function batchBytes(contents: readonly RecordContent[]): Uint8Array {
  return new Uint8Array(Buffer.concat(contents.map(recordBytes)));
}

/** A view on one record that lies behind another one, so that a forgotten offset shows. */
export function recordView(content: RecordContent): RecordView {
  const before = recordBytes({ fields: { timeNs: 0x5555_5555_5555n }, data: new Uint8Array(13).fill(0x55) });
  const bytes = new Uint8Array(Buffer.concat([before, recordBytes(content)]));
  return new RecordView().at(new Batch(bytes), before.length);
}
