/**
 * tcpdump's filter language over stored bytes: libpcap compiles, and the compiled program runs over each
 * record as the kernel would run it in a packet socket.
 */
import { tapRecordBytes } from '../decode/layout.generated.js';
import type { DecodedPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import { UsageError } from '../errors.js';
import { loadAddon } from '../native/binding.js';
import type { ClassicPrograms } from './translate.js';

interface NativeFilter {
  instructions(): Uint8Array;
  matchRecord(bytes: Uint8Array, record: number, data: number, capLen: number, len: number): number;
  matchBytes(bytes: Uint8Array, len: number): number;
  /** libpcap's own evaluation: the oracle of tests. */
  matchLibpcap(bytes: Uint8Array, len: number): boolean;
}

/** A classic program as the kernel has it. */
export interface ClassicProgram {
  /** The bytes of the packet that it asks for, 0 for none; null where that cannot be decided. */
  runRecord(bytes: Uint8Array, record: number, data: number, capLen: number, len: number): number | null;
}

export interface FilterAddon {
  Filter: new (expression: string, dlt: number, optimize?: boolean) => NativeFilter;
  ClassicProgram: new (instructions: Uint8Array) => ClassicProgram;
  libpcapVersion: string;
}

const DLT_EN10MB = 1;
const DLT_RAW = 12;
const tagBytes = 4;
const addressBytes = 12;

/** What a filter says of one packet. */
export const verdict = { no: 0, yes: 1, undecided: 2 } as const;
export type Verdict = (typeof verdict)[keyof typeof verdict];

export function filterAddon(): FilterAddon {
  return loadAddon<FilterAddon>('filter');
}

export function classicProgram(instructions: Uint8Array): ClassicProgram {
  return new (filterAddon().ClassicProgram)(instructions);
}

export class PacketFilter {
  private readonly ethernet: NativeFilter;
  /** Absent where the expression asks for a link header. */
  private readonly raw: NativeFilter | undefined;
  /** The keyword shifts what follows it, as if the tag were in the bytes. */
  private readonly namesVlan: boolean;
  private scratch = new Uint8Array(2048);

  /** Throws UsageError with libpcap's message. */
  constructor(readonly expression: string) {
    const { Filter } = filterAddon();
    this.ethernet = compile(Filter, expression, DLT_EN10MB);
    this.raw = compileForRaw(Filter, expression);
    this.namesVlan = /\bvlan\b/.test(expression);
  }

  /** Whether packets without a link header cannot be decided. */
  get needsLinkHeader(): boolean {
    return this.raw === undefined;
  }

  /** The compiled programs, for the kernel. */
  get programs(): ClassicPrograms {
    const raw = this.raw?.instructions();
    return { ethernet: this.ethernet.instructions(), ...(raw && { raw }) };
  }

  match(record: RecordView, packet: DecodedPacket): Verdict {
    if (packet.linkType === 'ethernet') return this.matchEthernet(record, packet);
    if (packet.linkType === 'raw' && this.raw) return this.run(this.raw, record, packet);
    return verdict.undecided;
  }

  private matchEthernet(record: RecordView, packet: DecodedPacket): Verdict {
    if (this.namesVlan && packet.vlan) return this.matchTagged(record, packet, packet.vlan);
    return this.run(this.ethernet, record, packet);
  }

  private run(filter: NativeFilter, record: RecordView, packet: DecodedPacket): Verdict {
    return filter.matchRecord(
      packet.bytes,
      record.offset,
      packet.offset,
      packet.capLen,
      packet.len,
    ) as Verdict;
  }

  /** The record with the packet's tag put back, as libpcap hands it to a program. */
  private matchTagged(
    record: RecordView,
    packet: DecodedPacket,
    vlan: { tci: number; protocol: number },
  ): Verdict {
    const { bytes, offset } = packet;
    const capLen = packet.capLen + tagBytes;
    const tagAt = tapRecordBytes + addressBytes;
    if (this.scratch.length < tapRecordBytes + capLen)
      this.scratch = new Uint8Array(tapRecordBytes + capLen * 2);
    const { scratch } = this;
    scratch.set(bytes.subarray(record.offset, record.offset + tapRecordBytes));
    scratch.set(bytes.subarray(offset, offset + addressBytes), tapRecordBytes);
    new DataView(scratch.buffer).setUint16(tagAt, vlan.protocol);
    new DataView(scratch.buffer).setUint16(tagAt + 2, vlan.tci);
    scratch.set(bytes.subarray(offset + addressBytes, offset + packet.capLen), tagAt + tagBytes);
    return this.ethernet.matchRecord(scratch, 0, tapRecordBytes, capLen, packet.len + tagBytes) as Verdict;
  }
}

function compile(Filter: FilterAddon['Filter'], expression: string, dlt: number): NativeFilter {
  try {
    return new Filter(expression, dlt);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `filter '${expression}': ${message}`,
      'the language is tcpdump\'s: see "man pcap-filter"',
    );
  }
}

function compileForRaw(Filter: FilterAddon['Filter'], expression: string): NativeFilter | undefined {
  try {
    return new Filter(expression, DLT_RAW);
  } catch {
    return undefined;
  }
}
