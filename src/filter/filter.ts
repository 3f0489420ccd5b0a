/**
 * tcpdump's filter language in user space: libpcap compiles, and the compiled program runs over each record. A
 * packet with a VLAN tag has two answers, tcpdump's live one and that of `tcpdump -r` (docs/filters.md).
 */
import { tapRecordBytes } from '../decode/layout.generated.js';
import type { DecodedPacket } from '../decode/packet.js';
import type { RecordView } from '../decode/record.js';
import { UsageError } from '../errors.js';
import { loadAddon } from '../native/binding.js';
import type { ClassicPrograms } from './translate.js';
import { findMistake } from './where.js';

export interface NativeFilter {
  /** Why it was compiled as for a file although it is for a live capture; empty where it was not. */
  readonly notLive: string;
  instructions(): Uint8Array;
  listing(): string[];
  /** `vlan` is the tag beside the bytes, as tagNumber() makes it; -1 for none. */
  matchRecord(
    bytes: Uint8Array,
    record: number,
    data: number,
    capLen: number,
    len: number,
    vlan: number,
  ): number;
  matchBytes(bytes: Uint8Array, len: number): number;
  /** libpcap's own evaluation: the oracle of tests. */
  matchLibpcap(bytes: Uint8Array, len: number): boolean;
}

/**
 * How an expression is compiled and evaluated: as libpcap does for a file; the same code as the kernel evaluates it; or
 * code for a live capture on an Ethernet device, which takes rights and some 40 ms.
 */
export type FilterUse = 'file' | 'socket' | 'live';

/** A classic program as the kernel has it. */
export interface ClassicProgram {
  /** The bytes of the packet that it asks for, 0 for none; null where that cannot be decided. */
  runRecord(bytes: Uint8Array, record: number, data: number, capLen: number, len: number): number | null;
}

export interface FilterAddon {
  Filter: new (expression: string, dlt: number, optimize?: boolean, use?: FilterUse) => NativeFilter;
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

/**
 * What a filter means. `live`: what tcpdump says of the packet on the device, where the tag lies beside the bytes and
 * only `vlan` looks at it. `file`: what `tcpdump -r` says of the packet stored, with its tag in the bytes. `fileVlan`
 * is `live` without the rights to compile it: `vlan` decides as for a file, all else as live.
 */
export type FilterMeaning = 'live' | 'fileVlan' | 'file';

type VlanTag = NonNullable<DecodedPacket['vlan']>;

/** For these words libpcap makes other code, or only makes code, for the handle of a live capture. */
const liveWords = /vlan|inbound|outbound|ifindex/;

export class PacketFilter {
  private readonly ethernet: NativeFilter;
  /** Absent where the expression asks for a link header. */
  private readonly raw: NativeFilter | undefined;
  /** The program looks for a packet's tag in its bytes. */
  private readonly tagInBytes: boolean;
  private scratch = new Uint8Array(2048);

  /** Throws UsageError with libpcap's message. */
  constructor(
    readonly expression: string,
    readonly meaning: FilterMeaning = 'live',
  ) {
    const { Filter } = filterAddon();
    const use = meaning === 'file' ? 'file' : 'socket';
    const compilesLive = meaning === 'live' && liveWords.test(expression);
    this.ethernet = compile(Filter, expression, compilesLive ? 'live' : use);
    this.raw = compileForRaw(Filter, expression, use);
    this.tagInBytes = meaning === 'file' || (this.isLessThanLive && expression.includes('vlan'));
  }

  /** What of a live filter is decided as for a file, and why; undefined where nothing is. */
  get note(): string | undefined {
    if (!this.ethernet.notLive || !this.tagInBytes) return undefined;
    return `"vlan" is decided as for a file, for lack of ${this.ethernet.notLive}`;
  }

  /** Whether packets without a link header cannot be decided. */
  get needsLinkHeader(): boolean {
    return this.raw === undefined;
  }

  /** The program for Ethernet, one line an instruction, as `tcpdump -d` prints it. */
  get listing(): readonly string[] {
    return this.ethernet.listing();
  }

  /** The compiled programs, for the kernel; none where they expect a tag in the bytes that it has beside them. */
  get programs(): ClassicPrograms | undefined {
    if (this.tagInBytes) return undefined;
    const raw = this.raw?.instructions();
    return { ethernet: this.ethernet.instructions(), ...(raw && { raw }) };
  }

  match(record: RecordView, packet: DecodedPacket): Verdict {
    if (packet.linkType === 'ethernet') return this.matchEthernet(record, packet);
    if (packet.linkType === 'raw' && this.raw) return this.run(this.raw, record, packet);
    return verdict.undecided;
  }

  private get isLessThanLive(): boolean {
    return this.meaning === 'fileVlan' || this.ethernet.notLive !== '';
  }

  private matchEthernet(record: RecordView, packet: DecodedPacket): Verdict {
    if (this.tagInBytes && packet.vlan) return this.matchTagged(record, packet, packet.vlan);
    return this.run(this.ethernet, record, packet);
  }

  private run(filter: NativeFilter, record: RecordView, packet: DecodedPacket): Verdict {
    return filter.matchRecord(
      packet.bytes,
      record.offset,
      packet.offset,
      packet.capLen,
      packet.len,
      tagNumber(packet.vlan),
    ) as Verdict;
  }

  /** The record with the packet's tag put back, as libpcap stores it. */
  private matchTagged(record: RecordView, packet: DecodedPacket, vlan: VlanTag): Verdict {
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
    return this.ethernet.matchRecord(
      scratch,
      0,
      tapRecordBytes,
      capLen,
      packet.len + tagBytes,
      -1,
    ) as Verdict;
  }
}

function tagNumber(vlan: VlanTag | undefined): number {
  return vlan ? vlan.protocol * 0x1_0000 + vlan.tci : -1;
}

/** For a link type as libpcap numbers them. Throws UsageError with libpcap's message. */
export function compile(
  Filter: FilterAddon['Filter'],
  expression: string,
  use: FilterUse,
  dlt = DLT_EN10MB,
): NativeFilter {
  try {
    return new Filter(expression, dlt, true, use);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `filter '${expression}': ${message}${placeOf(Filter, expression, message)}`,
      'the language is tcpdump\'s: see "man pcap-filter"',
      'filter',
    );
  }
}

function placeOf(Filter: FilterAddon['Filter'], expression: string, message: string): string {
  if (!message.endsWith('syntax error')) return '';
  const mistake = findMistake(expression, (text) => {
    try {
      return Boolean(new Filter(text, DLT_EN10MB, false, 'file'));
    } catch {
      return false;
    }
  });
  if (mistake === undefined) return '';
  return mistake === 'end' ? ' at its end' : ` at '${mistake.word}' (character ${mistake.character})`;
}

function compileForRaw(
  Filter: FilterAddon['Filter'],
  expression: string,
  use: FilterUse,
): NativeFilter | undefined {
  try {
    return new Filter(expression, DLT_RAW, true, use);
  } catch {
    return undefined;
  }
}
