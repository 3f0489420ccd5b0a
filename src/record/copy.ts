/** A recording into another file: chunk by chunk as it is, or only the records that are wanted. */
import { tapRecord as at, tapFlag } from '../decode/layout.generated.js';
import { decodePacket, emptyPacket } from '../decode/packet.js';
import { Batch, RecordView } from '../decode/record.js';
import { stageById } from '../stages/lookup.js';
import type { Selection } from '../trace/selection.js';
import { planOf } from './from-messages.js';
import { IndexBuilder } from './index-builder.js';
import { BrokenFile } from './input-file.js';
import { type OutputFile, writeFailure } from './output-file.js';
import type { Recording } from './recording.js';
import { checkedBatch } from './records.js';
import { encodeChunk, magic, recordsPrefix, type SummaryMessage } from './schema.js';

export interface Copied {
  readonly events: number;
  readonly broken?: BrokenFile;
}

export class RecordingCopy {
  private readonly record = new RecordView();
  private readonly packet = emptyPacket();
  private readonly attachments: ReturnType<typeof planOf>['attachments'];
  private readonly bootNs: bigint;
  private readonly index = new IndexBuilder();
  private readonly free: Batch[] = [];
  private events = 0;
  private isStopped = false;

  constructor(
    private readonly recording: Recording,
    private readonly file: OutputFile,
    /** Absent: everything, byte for byte. */
    private readonly selection?: Selection,
  ) {
    this.attachments = planOf(recording.header).attachments;
    this.bootNs = BigInt(recording.header.bootNs);
  }

  stop(): void {
    this.isStopped = true;
  }

  /** Throws TaptraceError where it cannot be written; a pipe that nobody reads any more is none. */
  async run(): Promise<Copied> {
    try {
      this.file.write([magic, this.recording.headerBytes]);
      await this.chunks();
      return { events: this.events };
    } catch (error) {
      if (error instanceof BrokenFile) return { events: this.events, broken: error };
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return { events: this.events };
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      throw writeFailure(this.file.path, error, this.events);
    } finally {
      this.file.close();
    }
  }

  private async chunks(): Promise<void> {
    let hasEnded = false;
    while (!this.isStopped) {
      const { offset } = this.recording;
      const chunk = await this.recording.next();
      if (!chunk && !hasEnded) throw new BrokenFile('cut', offset);
      if (!chunk) return;
      hasEnded = chunk.kind === 'summary' || chunk.kind === 'index';
      if (chunk.kind === 'records') this.records(chunk.ring, chunk.bytes, offset);
      else if (chunk.kind === 'summary') this.summary(chunk.value);
      else if (chunk.kind !== 'index' || !this.selection) this.file.write([this.recording.chunkBytes]);
    }
  }

  /** With an index of what is left, where not everything is. */
  private summary(value: SummaryMessage): void {
    const offset = this.file.bytes;
    this.file.write([encodeChunk('summary', { ...value, events: String(this.events) })]);
    if (!this.selection) return;
    this.file.write([encodeChunk('index', this.index.message(this.bootNs, offset, this.file.bytes))]);
  }

  private records(ring: number, bytes: Uint8Array, offset: number): void {
    const batch = checkedBatch(bytes, this.attachments.length, this.free);
    if (!batch) throw new BrokenFile('damaged', offset);
    this.free.push(batch);
    const wanted = this.wanted(batch, bytes);
    const length = wanted.reduce((sum, one) => sum + one.length, 0);
    if (length > 0 && this.selection) this.indexed(wanted);
    // Compressed ones stay compressed.
    if (length === bytes.length) this.file.write([this.recording.chunkBytes]);
    else if (length > 0) this.file.write([recordsPrefix(ring, length), ...wanted]);
  }

  /** Tells the index of the records that come next. */
  private indexed(pieces: readonly Uint8Array[]): void {
    const batch = new Batch(Uint8Array.from(Buffer.concat(pieces)));
    let [events, firstNs, lastNs] = [0, Number.POSITIVE_INFINITY, 0];
    for (let offset = 0; offset < batch.u8.length; offset += this.record.recordLen) {
      const timeNs = Number(this.record.at(batch, offset).timeNs - this.bootNs);
      events += this.record.is('amends') ? 0 : 1;
      firstNs = Math.min(firstNs, timeNs);
      lastNs = Math.max(lastNs, timeNs);
    }
    this.index.add({ offset: this.file.bytes, events, firstNs, lastNs });
  }

  /** Pieces of `bytes`; `batch` is a copy that may be changed. */
  private wanted(batch: Batch, bytes: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let start = 0;
    for (let offset = 0; offset < bytes.length; ) {
      const length = batch.u32[(offset + at.recordLen) >> 2]!;
      const isAmendment = (batch.u32[(offset + at.flags) >> 2]! & tapFlag.amends) !== 0;
      const isWanted = isAmendment || this.wants(batch, offset);
      if (isWanted && !isAmendment) this.events += 1;
      if (!isWanted) {
        if (offset > start) pieces.push(bytes.subarray(start, offset));
        start = offset + length;
      }
      offset += length;
    }
    if (bytes.length > start) pieces.push(bytes.subarray(start));
    return pieces;
  }

  private wants(batch: Batch, offset: number): boolean {
    const { selection, record, packet } = this;
    if (!selection) return true;
    if (selection.isFull) return false;
    const attachment = this.attachments[record.at(batch, offset).attachId]!;
    const stage = stageById(attachment.stage);
    decodePacket(record, packet, stage.id === 'rx-tap' && attachment.mechanism !== 'packet_socket');
    return selection.wantsAlone({ record, packet, stage });
  }
}
