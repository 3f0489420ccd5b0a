/**
 * A record in a batch of raw bytes, read in place: typed arrays over the batch, a view that is moved from
 * record to record, u64 as two u32, no object an event.
 */
import { tapRecord as at, tapContext, tapFlag, tapPresent, tapRecordBytes } from './layout.generated.js';

/** Room for raw records as the addon copies them, with the overlays that a view needs. Offsets are multiples of 8. */
export class Batch {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  /** The same bytes, for conversions to text. */
  readonly buffer: Buffer;
  /** The ring its records came from. */
  ring = 0;
  /** Records in it that still wait for their turn. */
  pending = 0;

  /** `bytes` must start at a multiple of 8 in its buffer. */
  constructor(bytes: Uint8Array) {
    this.u8 = bytes;
    this.u16 = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
    this.u32 = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

export class RecordView {
  batch!: Batch;
  /** Of the record in the batch. */
  offset = 0;
  private word = 0;
  private present = 0;
  private flags = 0;

  /** Moves the view. */
  at(batch: Batch, offset: number): this {
    this.batch = batch;
    this.offset = offset;
    this.word = offset >> 2;
    this.present = this.u32(at.present);
    this.flags = this.u32(at.flags);
    return this;
  }

  private u32(field: number): number {
    return this.batch.u32[this.word + (field >> 2)]!;
  }

  private u16(field: number): number {
    return this.batch.u16[(this.offset + field) >> 1]!;
  }

  private u8(field: number): number {
    return this.batch.u8[this.offset + field]!;
  }

  private decimal64(field: number): string {
    const high = this.u32(field + 4);
    const low = this.u32(field);
    return high === 0 ? String(low) : ((BigInt(high) << 32n) | BigInt(low)).toString();
  }

  has(bit: keyof typeof tapPresent): boolean {
    return (this.present & tapPresent[bit]) !== 0;
  }

  is(flag: keyof typeof tapFlag): boolean {
    return (this.flags & tapFlag[flag]) !== 0;
  }

  /** The packet may have been freed: its address is a key to earlier events, and nothing of it was read. */
  get isKeyOnly(): boolean {
    return this.has('skb') && !this.has('head');
  }

  get recordLen(): number {
    return this.u32(at.recordLen);
  }
  get version(): number {
    return this.u8(at.version);
  }
  get stage(): number {
    return this.u8(at.stage);
  }
  get attachId(): number {
    return this.u16(at.attachId);
  }
  get timeLow(): number {
    return this.u32(at.timeNs);
  }
  get timeHigh(): number {
    return this.u32(at.timeNs + 4);
  }
  /** CLOCK_BOOTTIME in ns. Slow: hot paths use timeHigh and timeLow. */
  get timeNs(): bigint {
    return (BigInt(this.timeHigh) << 32n) | BigInt(this.timeLow);
  }
  /** Why there is a record of the packet, a tapChoice. */
  get choice(): number {
    return this.u8(at.choice);
  }
  get cpu(): number {
    return this.u32(at.cpu);
  }
  get len(): number {
    return this.u32(at.len);
  }
  get capLen(): number {
    return this.u32(at.capLen);
  }
  get linearLen(): number {
    return this.u32(at.linearLen);
  }
  get skbHigh(): number {
    return this.u32(at.skb + 4);
  }
  get skbLow(): number {
    return this.u32(at.skb);
  }
  get headHigh(): number {
    return this.u32(at.head + 4);
  }
  get headLow(): number {
    return this.u32(at.head);
  }
  get netnsCookie(): string {
    return this.decimal64(at.netnsCookie);
  }
  get location(): bigint {
    return (BigInt(this.u32(at.location + 4)) << 32n) | BigInt(this.u32(at.location));
  }
  get socketCookie(): string {
    return this.decimal64(at.socketCookie);
  }
  get socketInode(): string {
    return this.decimal64(at.socketInode);
  }
  get netnsInum(): number {
    return this.u32(at.netnsInum);
  }
  get ifindex(): number {
    return this.u32(at.ifindex);
  }
  get mark(): number {
    return this.u32(at.mark);
  }
  get hash(): number {
    return this.u32(at.hash);
  }
  get gsoType(): number {
    return this.u32(at.gsoType);
  }
  get reason(): number {
    return this.u32(at.reason);
  }
  get stackId(): number {
    return this.u32(at.stackId) | 0;
  }
  get pid(): number {
    return this.u32(at.pid);
  }
  get tid(): number {
    return this.u32(at.tid);
  }
  get uid(): number {
    return this.u32(at.uid);
  }
  get gsoSize(): number {
    return this.u16(at.gsoSize);
  }
  get gsoSegs(): number {
    return this.u16(at.gsoSegs);
  }
  /** ARPHRD_* of the device. */
  get linkType(): number {
    return this.u16(at.linkType);
  }
  get protocol(): number {
    return this.u16(at.protocol);
  }
  get queue(): number {
    return this.u16(at.queue);
  }
  get vlanTci(): number {
    return this.u16(at.vlanTci);
  }
  get vlanProtocol(): number {
    return this.u16(at.vlanProtocol);
  }
  /** A value of tapFilter; no: the kernel was not asked. */
  get filterResult(): number {
    return this.u8(at.filterResult);
  }

  get packetType(): number {
    return this.u8(at.packetType);
  }
  get ipSummed(): number {
    return this.u8(at.ipSummed);
  }
  get context(): number {
    return this.u8(at.context);
  }
  get link(): number {
    return this.u8(at.link);
  }
  /** NFPROTO_*. */
  get nfFamily(): number {
    return this.u8(at.nfFamily);
  }
  /** Hook number of that family. */
  get nfHook(): number {
    return this.u8(at.nfHook);
  }
  get verdict(): number {
    return this.u32(at.verdict) | 0;
  }
  get aux(): bigint {
    return (BigInt(this.u32(at.aux + 4)) << 32n) | BigInt(this.u32(at.aux));
  }
  /** Of a netfilter link: which of ours. */
  get slot(): number {
    return this.u32(at.aux);
  }
  get ifindexOut(): number {
    return this.u32(at.ifindexOut);
  }
  get fragCount(): number {
    return this.u8(at.fragCount);
  }

  /** The bytes of comm as one string, to look a decoded name up by. */
  get commKey(): string {
    const start = this.offset + at.comm;
    return this.batch.buffer.toString('latin1', start, start + 16);
  }

  /** The name of the task, as the kernel has it: bytes up to a NUL, not to be trusted on a terminal. */
  get comm(): string {
    const start = this.offset + at.comm;
    let end = start;
    while (end < start + 16 && this.batch.u8[end] !== 0) end += 1;
    return Buffer.from(this.batch.u8.buffer, this.batch.u8.byteOffset + start, end - start).toString('utf8');
  }

  /** Where the packet's bytes start in the batch. */
  get dataOffset(): number {
    return this.offset + tapRecordBytes;
  }
}

/** Whether a record's task did this itself: in a softirq it is only whoever was interrupted. */
export function isOfTask(record: Pick<RecordView, 'has' | 'context'>): boolean {
  return record.has('task') && record.has('context') && record.context === tapContext.process;
}
