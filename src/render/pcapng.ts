/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little endian, each as the bytes to be written. Times are
 * nanoseconds since the epoch.
 */

import { padded } from '../capture/block.js';
import {
  block,
  byteOrderMagic,
  filterIsText,
  interfaceOption,
  option,
  packetOption,
  sectionOption,
  statisticsOption,
} from '../capture/pcapng-codes.js';

export const linkTypes = { ethernet: 1, raw: 101, unknown: 147 } as const;

/** Times count nanoseconds: 10^-9. */
const nanoseconds = 9;
const optionBytesMax = 0xffff;

/** Gathers options; those that are undefined are left out. */
class Options {
  private readonly parts: Buffer[] = [];

  bytes(code: number, value: Uint8Array | undefined): this {
    if (!value) return this;
    const part = Buffer.alloc(4 + padded(value.length));
    part.writeUInt16LE(code, 0);
    part.writeUInt16LE(value.length, 2);
    part.set(value, 4);
    this.parts.push(part);
    return this;
  }

  text(code: number, value: string | undefined): this {
    return this.bytes(code, value === undefined ? undefined : Buffer.from(value).subarray(0, optionBytesMax));
  }

  u32(code: number, value: number | undefined): this {
    if (value === undefined) return this;
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    return this.bytes(code, bytes);
  }

  u64(code: number, value: number | bigint | undefined): this {
    if (value === undefined) return this;
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.bytes(code, bytes);
  }

  /** Empty where there are none. */
  get all(): Buffer {
    if (this.parts.length === 0) return Buffer.alloc(0);
    return Buffer.concat([...this.parts, Buffer.alloc(4, option.end)]);
  }
}

function blockOf(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const total = 12 + body.length;
  const frame = Buffer.alloc(total);
  frame.writeUInt32LE(type, 0);
  frame.writeUInt32LE(total, 4);
  frame.set(body, 8);
  frame.writeUInt32LE(total, total - 4);
  return frame;
}

export interface SectionFacts {
  readonly os?: string;
  readonly application: string;
  readonly comment?: string;
}

export function sectionBlock({ os, application, comment }: SectionFacts): Buffer {
  const fixed = Buffer.alloc(16);
  fixed.writeUInt32LE(byteOrderMagic, 0);
  fixed.writeUInt16LE(1, 4);
  fixed.writeBigInt64LE(-1n, 8);
  const options = new Options()
    .text(option.comment, comment)
    .text(sectionOption.os, os)
    .text(sectionOption.application, application);
  return blockOf(block.section, fixed, options.all);
}

export interface InterfaceFacts {
  readonly linkType: number;
  readonly snaplen: number;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly os?: string | undefined;
  readonly filter?: string | undefined;
}

export function interfaceBlock({ linkType, snaplen, name, description, os, filter }: InterfaceFacts): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16LE(linkType, 0);
  fixed.writeUInt32LE(snaplen, 4);
  const options = new Options()
    .text(interfaceOption.name, name)
    .text(interfaceOption.description, description)
    .bytes(interfaceOption.resolution, Buffer.of(nanoseconds))
    .bytes(
      interfaceOption.filter,
      filter === undefined ? undefined : Buffer.concat([Buffer.of(filterIsText), Buffer.from(filter)]),
    )
    .text(interfaceOption.os, os);
  return blockOf(block.interface, fixed, options.all);
}

export interface PacketFacts {
  readonly interfaceId: number;
  readonly seconds: number;
  readonly nanos: number;
  /** What was captured, with the VLAN tag in it. */
  readonly bytes: Uint8Array;
  readonly len: number;
  readonly flags?: number | undefined;
  /** Packets lost between this one and the one before it at the interface. */
  readonly dropCount?: number | undefined;
  readonly packetId?: number | bigint | undefined;
  readonly queue?: number | undefined;
  /** Its kind, then a value, such as `xdpVerdict` makes. */
  readonly verdict?: Uint8Array | undefined;
  readonly process?: { readonly pid: number; readonly tid: number } | undefined;
  readonly comment?: string | undefined;
}

const verdictIsXdp = 2;

export function packetBlock(packet: PacketFacts): Buffer {
  const { interfaceId, seconds, nanos, bytes, len, process } = packet;
  const time = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
  const fixed = Buffer.alloc(20 + padded(bytes.length));
  fixed.writeUInt32LE(interfaceId, 0);
  fixed.writeUInt32LE(Number(time >> 32n), 4);
  fixed.writeUInt32LE(Number(time & 0xffffffffn), 8);
  fixed.writeUInt32LE(bytes.length, 12);
  fixed.writeUInt32LE(len, 16);
  fixed.set(bytes, 20);
  const options = new Options()
    .text(option.comment, packet.comment)
    .u32(packetOption.flags, packet.flags)
    .u64(packetOption.dropCount, packet.dropCount)
    .u64(packetOption.packetId, packet.packetId)
    .u32(packetOption.queue, packet.queue)
    .bytes(packetOption.verdict, packet.verdict)
    .bytes(packetOption.process, process && processBytes(process));
  return blockOf(block.packet, fixed, options.all);
}

/** What an XDP program answered. */
export function xdpVerdict(verdict: number): Uint8Array {
  const bytes = Buffer.alloc(9);
  bytes[0] = verdictIsXdp;
  bytes.writeBigUInt64LE(BigInt(verdict), 1);
  return bytes;
}

function processBytes({ pid, tid }: { pid: number; tid: number }): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(pid, 0);
  bytes.writeUInt32LE(tid, 4);
  return bytes;
}

export interface InterfaceStatistics {
  readonly interfaceId: number;
  readonly seconds: number;
  readonly nanos: number;
  readonly received: number;
  /** Undefined where it is told of another interface, or not known. */
  readonly dropped?: number | undefined;
  readonly comment?: string | undefined;
}

export function statisticsBlock(facts: InterfaceStatistics): Buffer {
  const { interfaceId, seconds, nanos, received, dropped, comment } = facts;
  const time = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
  const fixed = Buffer.alloc(12);
  fixed.writeUInt32LE(interfaceId, 0);
  fixed.writeUInt32LE(Number(time >> 32n), 4);
  fixed.writeUInt32LE(Number(time & 0xffffffffn), 8);
  const options = new Options()
    .text(option.comment, comment)
    .u64(statisticsOption.received, received)
    .u64(statisticsOption.dropped, dropped);
  return blockOf(block.statistics, fixed, options.all);
}
