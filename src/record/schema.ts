/** The messages of a recording (recording.proto) as TypeScript sees them; 64-bit numbers are decimal strings. */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import protobuf from 'protobufjs';
import { packagePath } from '../native/binding.js';

/** Readers refuse what is newer. */
export const formatVersion = 2;
/** What a recording without compressed records needs: every version reads it. */
export const plainFormatVersion = 1;
/** TAP_RECORD_VERSION of bpf/event.h. */
export const recordVersion = 1;
export const magic = Buffer.from('TAPTRACE', 'latin1');

export interface StageMessage {
  number: number;
  id: string;
}
export interface AttachmentMessage {
  attachId: number;
  stage: string;
  mechanism: string;
  observed: boolean;
  function: string;
  target: string;
  complement: boolean;
  covered: boolean;
  seesBytes: boolean;
}
export interface WatchMessage {
  stage: string;
  mechanism?: string;
  target?: string;
  provedBy: string[];
  targets: string[];
  observed?: boolean;
  seesBytes?: boolean;
  reason: string;
  passedOver: { mechanism: string; target: string; reason: string }[];
}
export interface OptionsMessage {
  interfaces: string[];
  netns: string[];
  followPackets: boolean;
  followEvents: boolean;
  lookBack: boolean;
  selection?: SelectionMessage;
  snaplen: number;
  ringBytes: string;
  count?: string;
  packets?: string;
  durationSeconds?: number;
  direction?: string;
  filter?: string;
  arm: boolean;
  observeOnly: boolean;
  stacks: boolean;
}
/** Absent or empty: not asked. */
export interface SelectionMessage {
  mark?: { value: number; mask: number };
  reasons: string[];
  pids: number[];
  comms: string[];
  uids: number[];
  minLen?: number;
  maxLen?: number;
  sample?: number;
}
export interface NetnsMessage {
  inum: number;
  path?: string;
  name: string;
}
export interface DeviceMessage {
  netns: number;
  ifindex: number;
  name: string;
  type: number;
  flags: number;
  mtu: number;
  kind?: string;
  master?: number;
  genericXdp: boolean;
  nativeXdp?: number;
  peerIfindex?: number;
  peerNetns?: number;
}
export interface HolderMessage {
  pid: number;
  comm: string;
}
export interface ArmedMessage {
  netns: number;
  ifindex: number;
  by: { ifindex: number; inode: string; owners: HolderMessage[] }[];
}
export interface BaseChainMessage {
  family: string;
  table: string;
  chain: string;
  hook: string;
  priority: number;
  device?: string;
  owner: string;
  type?: string;
  policy?: string;
}
export interface HookInventoryMessage {
  netns: number;
  chains: BaseChainMessage[];
  notes: string[];
}
export interface HeaderMessage {
  format: number;
  taptrace: string;
  recordVersion: number;
  kernel: string;
  host: string;
  bootNs: string;
  wallOffsetNs: string;
  rings: number;
  stages: StageMessage[];
  attachments: AttachmentMessage[];
  watches: WatchMessage[];
  options: OptionsMessage;
  namespaces: NetnsMessage[];
  severalNetns: boolean;
  devices: DeviceMessage[];
  armed: ArmedMessage[];
  notes: string[];
  hooks: HookInventoryMessage[];
  hasHooks: boolean;
  rights?: { kept: { name: string; reason: string }[]; failure?: string };
  filterRuns: { stage: string; place: string }[];
}
export interface SocketSetupMessage {
  inode: string;
  filterAddress: string;
  known: boolean;
  dgram: boolean;
  filter?: Uint8Array;
  showsFilter: boolean;
  ring?: { version: number; frameBytes: number; reservedBytes: number; hasVnetHeader: boolean };
}
export interface XdpProgramMessage {
  netns: number;
  ifindex: number;
  id?: number;
  name?: string;
}
export interface NamesMessage {
  namespaces: NetnsMessage[];
  devices: DeviceMessage[];
  symbols: { address: string; name: string }[];
  stacks: { id: number; addresses: string[] }[];
  dropReasons: { value: number; name: string }[];
  holders: { inode: string; holders: HolderMessage[] }[];
  setups: SocketSetupMessage[];
  xdp: XdpProgramMessage[];
}
export interface HookPositionMessage {
  netns: number;
  familyNumber: number;
  hookNumber: number;
  slot: number;
  fromNs: number;
  family: string;
  stage: string;
  index: number;
  count: number;
  priority: number;
  before: BaseChainMessage[];
  after: BaseChainMessage[];
}
export interface GapMessage {
  netns: number;
  fromNs: string;
  toNs: string;
  text: string;
}
export interface RuleTraceMessage {
  family: string;
  table: string;
  chain: string;
  kind: string;
  handle?: number;
  verdict?: string;
  id: number;
  nfproto: number;
  hook?: string;
  network?: Uint8Array;
  transport?: Uint8Array;
  goesOut: boolean;
  text?: string;
}
export interface RuleTracesMessage {
  netns: number;
  fromNs: number;
  toNs: number;
  lost: number;
  messages: RuleTraceMessage[];
}
export interface AttachmentLossMessage {
  attachId: number;
  ring: string;
  recursion?: string;
}
export interface CountedXdpMessage {
  netns: number;
  ifindex: number;
  ifname: string;
  program: XdpProgramMessage;
  aborted?: string;
  drop?: string;
  tx?: string;
  redirect?: string;
}
export interface SummaryMessage {
  reason: string;
  events: string;
  seconds: number;
  highWaterBytes: string;
  ringBytes: string;
  lost: AttachmentLossMessage[];
  lostUser: string;
  counted: CountedXdpMessage[];
  /** Packets that the filter in the kernel left out, and that it could not decide. */
  filtered: string;
  undecided: string;
  /** Times that a followed packet was let go before its end. */
  forgotten: string;
}

export interface IndexMessage {
  spans: { offset: string; events: string; firstNs: string; lastNs: string }[];
  summaryOffset: string;
  offset: string;
}

export interface PackedMessage {
  ring: number;
  /** Compressed by raw deflate. */
  records: Uint8Array;
}

/** What a chunk can hold, by the name of its field. */
export interface Bodies {
  header: HeaderMessage;
  round: { untilNs?: string };
  passed: { bootNs: string };
  names: NamesMessage;
  hookPosition: HookPositionMessage;
  gap: GapMessage;
  notice: { text: string };
  loss: { lost: AttachmentLossMessage[] };
  summary: SummaryMessage;
  packed: PackedMessage;
  index: IndexMessage;
  ruleTraces: RuleTracesMessage;
}
export type BodyKind = keyof Bodies;

/** One chunk but for records, which never become objects. */
export type Body = { [K in BodyKind]: { readonly kind: K; readonly value: Bodies[K] } }[BodyKind];

/** Lists may be left out where they are empty. */
export type Sparse<T> = {
  [K in keyof T as T[K] extends readonly unknown[] ? never : K]: T[K];
} & { [K in keyof T as T[K] extends readonly unknown[] ? K : never]?: T[K] };

let chunkType: protobuf.Type | undefined;

function chunks(): protobuf.Type {
  chunkType ??= protobuf
    .parse(readFileSync(packagePath('src/record/recording.proto'), 'utf8'))
    .root.lookupType('taptrace.Chunk');
  return chunkType;
}

/** Field numbers of Chunk in front of their wire types: length-delimited 2, fixed32 5. */
export const recordsTag = (2 << 3) | 2;
/** What a chunk begins with that holds records, packed or not. */
export const recordsTags: readonly number[] = [recordsTag, (11 << 3) | 2];
const crcTag = (15 << 3) | 5;
const crcBytes = 5;

export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}

export const lengthBytesMax = 5;

/** The varint that `bytes` begins with; undefined where it has no end. */
export function lengthBefore(bytes: Uint8Array): { value: number; bytes: number } | undefined {
  let value = 0;
  for (let at = 0; at < Math.min(lengthBytesMax, bytes.length); at += 1) {
    value += (bytes[at]! & 0x7f) * 2 ** (7 * at);
    if (bytes[at]! < 0x80) return { value, bytes: at + 1 };
  }
  return undefined;
}

/** A chunk with its length in front, ready to be written. */
export function encodeChunk<K extends BodyKind>(kind: K, value: Sparse<Bodies[K]>): Buffer {
  const type = chunks();
  const body = type.encode(type.fromObject({ [kind]: value })).finish();
  const crc = Buffer.alloc(crcBytes);
  crc[0] = crcTag;
  crc.writeUInt32LE(crc32(body), 1);
  return Buffer.concat([Buffer.from(varint(body.length + crcBytes)), body, crc]);
}

/** What stands in front of the raw records of a batch. */
export function recordsPrefix(ring: number, bytes: number): Buffer {
  const field = [(1 << 3) | 0, ...varint(ring), (2 << 3) | 2, ...varint(bytes)];
  const message = [recordsTag, ...varint(field.length + bytes), ...field];
  return Buffer.from([...varint(message.length + bytes), ...message]);
}

/** The chunk without its length; undefined where it is damaged. A kind that this version does not know is `null`. */
export function decodeChunk(chunk: Uint8Array): Body | null | undefined {
  const end = chunk.length - crcBytes;
  if (end < 0 || chunk[end] !== crcTag) return undefined;
  const body = chunk.subarray(0, end);
  if (Buffer.from(chunk.buffer, chunk.byteOffset + end + 1, 4).readUInt32LE() !== crc32(body))
    return undefined;
  try {
    const type = chunks();
    const message = type.toObject(type.decode(body), {
      longs: String,
      arrays: true,
      defaults: true,
      oneofs: true,
    });
    const kind = message.body as BodyKind | undefined;
    return kind === undefined ? null : ({ kind, value: message[kind] } as Body);
  } catch {
    return undefined;
  }
}

/** Where the raw records of a chunk of records are; undefined where it is damaged. */
export function findRecords(chunk: Uint8Array): { ring: number; start: number; bytes: number } | undefined {
  try {
    const reader = protobuf.Reader.create(chunk);
    if (reader.uint32() !== recordsTag) return undefined;
    const end = reader.uint32() + reader.pos;
    if (end !== chunk.length || reader.uint32() !== 8) return undefined;
    const ring = reader.uint32();
    if (reader.uint32() !== 0x12) return undefined;
    const bytes = reader.uint32();
    return reader.pos + bytes === end ? { ring, start: reader.pos, bytes } : undefined;
  } catch {
    return undefined;
  }
}
