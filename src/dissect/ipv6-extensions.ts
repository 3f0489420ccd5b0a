/** IPv6 extension headers. Each printer answers the header's length, or 0 where nothing may follow. */
import { hex } from './bytes.js';
import { printIpv6Options } from './ipv6-options.js';
import { IP_PROTOCOL } from './names.js';
import type { Printer } from './printer.js';

/** The payload length, which a jumbo option may replace. */
export interface Jumbo {
  payloadLen: number;
  isFound: boolean;
}

/** @param ip where the IPv6 header is */
export function printExtension(p: Printer, kind: number, ip: number, at: number, jumbo: Jumbo): number {
  switch (kind) {
    case IP_PROTOCOL.hopByHop:
      return printHopByHop(p, at, jumbo);
    case IP_PROTOCOL.destinationOptions:
      return printDestinationOptions(p, at);
    case IP_PROTOCOL.fragment:
      return printFragment(p, ip, at);
    case IP_PROTOCOL.routing:
      return printRouting(p, at);
    default:
      printMobility(p, at);
      return 0;
  }
}

function printHopByHop(p: Printer, at: number, jumbo: Jumbo): number {
  p.protocol = 'hbhopt';
  const headerLen = (p.u8(at + 1) + 1) * 8;
  const isWhole = p.has(at, headerLen);
  if (isWhole) p.print('HBH ');
  const isRead = isWhole && printIpv6Options(p, at + 2, headerLen - 2, jumbo);
  if (!isRead) p.markTruncated();
  if (jumbo.payloadLen === 0 && !jumbo.isFound) {
    p.print('[No valid Jumbo Payload Hop-by-Hop option found]');
    p.markInvalid();
    return 0;
  }
  return isRead ? headerLen : 0;
}

function printDestinationOptions(p: Printer, at: number): number {
  p.protocol = 'dstopt';
  const headerLen = (p.u8(at + 1) + 1) * 8;
  const isWhole = p.has(at, headerLen);
  if (isWhole) p.print('DSTOPT ');
  if (isWhole && (p.verbose === 0 || printIpv6Options(p, at + 2, headerLen - 2))) return headerLen;
  p.markTruncated();
  return 0;
}

const FRAGMENT_LEN = 8;

function printFragment(p: Printer, ip: number, at: number): number {
  p.protocol = 'frag6';
  const offset = p.u16(at + 2) & 0xfff8;
  const id = p.verbose > 0 ? `0x${hex(p.u32(at + 4), 8)}:` : '';
  const length = 40 + p.u16(ip + 4) - (at - ip) - FRAGMENT_LEN;
  // tcpdump's arithmetic is that of a 64-bit size_t, also for a payload length that is too small.
  const lengthText = length >= 0 ? `${length}` : `${BigInt.asUintN(64, BigInt(length))}`;
  p.print(`frag (${id}${offset}|${lengthText})`);
  if (offset !== 0) return 0;
  p.print(' ');
  return p.left(at) > FRAGMENT_LEN ? FRAGMENT_LEN : 0;
}

const SEGMENT_ROUTING = 4;

function printRouting(p: Printer, at: number): number {
  // The first byte is checked before the header has a name of its own.
  p.need(at, 1);
  p.protocol = 'rt6';
  p.print('RT6');
  const units = p.u8(at + 1);
  p.print(` (len=${units}`);
  const type = p.u8(at + 2);
  p.print(`, type=${type}${type === 0 ? ' [Deprecated]' : ''}`);
  p.print(`, segleft=${p.u8(at + 3)}`);
  if (type === 0 || type === 2) {
    const reserved = p.u32(at + 4);
    if (reserved !== 0 || p.verbose > 0) p.print(`, rsv=0x${reserved.toString(16)}`);
  } else if (type === SEGMENT_ROUTING) {
    p.print(`, last-entry=${p.u8(at + 4)}`);
    const flags = p.u8(at + 5);
    if (flags !== 0 || p.verbose > 0) p.print(`, flags=0x${flags.toString(16)}`);
    p.print(`, tag=${p.u16(at + 6).toString(16)}`);
  } else {
    p.print(' (unknown type)');
    p.markInvalid();
    return 0;
  }
  return printSegments(p, at, units);
}

function printSegments(p: Printer, at: number, units: number): number {
  if (units % 2 === 1) {
    p.print(` (invalid length ${units})`);
    p.markInvalid();
    return 0;
  }
  for (let i = 0; i < units / 2; i++) p.print(`, [${i}]${p.ipv6(at + 8 + i * 16)}`);
  p.print(') ');
  return (units + 1) * 8;
}

/** Names of mobility messages with the least length of their headers (RFC 6275). */
const mobilityTypes: readonly (readonly [name: string, minLen: number])[] = [
  ['BRR', 8],
  ['HoTI', 16],
  ['CoTI', 16],
  ['HoT', 24],
  ['CoT', 24],
  ['BU', 12],
  ['BA', 12],
  ['BE', 24],
];

/** Only the name of the message: its fields are not decoded. */
function printMobility(p: Printer, at: number): void {
  p.protocol = 'mobility';
  if (!p.has(at + 1, 1)) {
    p.markTruncated();
    return;
  }
  const units = p.u8(at + 1);
  const headerLen = (units + 1) * 8;
  const type = p.u8(at + 2);
  const [name, minLen] = mobilityTypes[type] ?? [`type-#${type} len=${units}`, 0];
  if (headerLen >= minLen) {
    p.print(`mobility: ${name}`);
    return;
  }
  p.print(`(header length ${headerLen} is too small for type ${type})`);
  p.markTruncated();
}
