/** The Multipath TCP option (RFC 8684 and its predecessor). */
import { hex } from './bytes.js';
import type { Printer } from './printer.js';

const SYN = 0x02;
const ACK = 0x10;

const subtypeNames = ['capable', 'join', 'dss', 'add-addr', 'rem-addr', 'prio', 'fail', 'fast-close'];

/** Prints the option of `length` bytes at `at`; false where its length does not fit its subtype. */
export function printMptcp(p: Printer, at: number, length: number, flags: number): boolean {
  const end = p.end;
  p.limit(at, length);
  p.protocol = 'mptcp';
  const isWhole = length >= 3 && printSubtype(p, at, length, flags);
  p.end = end;
  return isWhole;
}

function printSubtype(p: Printer, at: number, length: number, flags: number): boolean {
  const subtype = p.u8(at + 2) >> 4;
  p.print(` ${length} ${subtypeNames[subtype] ?? 'unknown'}`);
  switch (subtype) {
    case 0:
      return printCapable(p, at, length, flags);
    case 1:
      return printJoin(p, at, length, flags);
    case 2:
      return printDataSequence(p, at, length, flags);
    case 3:
      return printAddAddress(p, at, length);
    case 4:
      return printRemoveAddress(p, at, length);
    case 5:
      return printPriority(p, at, length);
    case 6:
      if (length === 12) p.print(` seq ${decimal64(p, at + 4)}`);
      return length === 12;
    case 7:
      if (length === 12) p.print(` key ${hex64(p, at + 4)}`);
      return length === 12;
    default:
      return true;
  }
}

/** A 64-bit number in hexadecimal, without leading zeros. */
function hex64(p: Printer, at: number): string {
  const high = p.u32(at);
  const low = p.u32(at + 4);
  return high === 0 ? `0x${low.toString(16)}` : `0x${high.toString(16)}${hex(low, 8)}`;
}

function decimal64(p: Printer, at: number): string {
  return ((BigInt(p.u32(at)) << 32n) | BigInt(p.u32(at + 4))).toString();
}

function printCapable(p: Printer, at: number, length: number, flags: number): boolean {
  const isHandshake = (length === 12 || length === 4) && (flags & SYN) !== 0;
  const isThird = (length === 20 || length === 22) && (flags & (SYN | ACK)) === ACK;
  if (!isHandshake && !isThird) return false;
  const version = p.u8(at + 2) & 15;
  if (version > 1) {
    p.print(` Unknown Version (${version})`);
    return true;
  }
  p.print(` v${version}`);
  if (p.u8(at + 3) & 0x80) p.print(' csum');
  if (length >= 20) p.print(` {${hex64(p, at + 4)},${hex64(p, at + 12)}}`);
  else if (length === 12) p.print(` {${hex64(p, at + 4)}}`);
  return true;
}

function printJoin(p: Printer, at: number, length: number, flags: number): boolean {
  const isSyn = length === 12 && (flags & SYN) !== 0;
  const isSynAck = length === 16 && (flags & (SYN | ACK)) === (SYN | ACK);
  const isThird = length === 24 && (flags & ACK) !== 0;
  if (!isSyn && !isSynAck && !isThird) return false;
  if (length === 24) {
    p.print(` hmac 0x${p.hexBytes(at + 4, 20)}`);
    return true;
  }
  p.print(`${p.u8(at + 2) & 1 ? ' backup' : ''} id ${p.u8(at + 3)}`);
  if (length === 12) p.print(` token 0x${p.u32(at + 4).toString(16)} nonce 0x${p.u32(at + 8).toString(16)}`);
  else p.print(` hmac ${hex64(p, at + 4)} nonce 0x${p.u32(at + 12).toString(16)}`);
  return true;
}

function printDataSequence(p: Printer, start: number, length: number, flags: number): boolean {
  if (length < 4 || flags & SYN) return false;
  const bits = p.u8(start + 3);
  if (bits & 0x10) p.print(' fin');
  const end = start + length;
  let at = start + 4;
  if (bits & 0x01) {
    p.print(' ack ');
    const size = bits & 0x02 ? 8 : 4;
    if (end - at < size) return false;
    p.print(size === 8 ? decimal64(p, at) : `${p.u32(at)}`);
    at += size;
  }
  if ((bits & 0x04) === 0) return at === end;
  p.print(' seq ');
  const size = bits & 0x08 ? 8 : 4;
  if (end - at < size) return false;
  p.print(size === 8 ? decimal64(p, at) : `${p.u32(at)}`);
  return printMapping(p, at + size, end);
}

/** The subflow's part of a mapping, and a checksum where it was negotiated. */
function printMapping(p: Printer, at: number, end: number): boolean {
  if (end - at < 4) return false;
  p.print(` subseq ${p.u32(at)}`);
  if (end - at < 6) return false;
  p.print(` len ${p.u16(at + 4)}`);
  if (end - at < 8) return end - at === 6;
  p.print(` csum 0x${p.u16(at + 6).toString(16)}`);
  return end - at === 8;
}

const addAddressKinds = new Map<number, string>([
  [0, 'v1'],
  [1, 'v1-echo'],
  [4, 'v0-ip4'],
  [6, 'v0-ip6'],
]);

function printAddAddress(p: Printer, at: number, length: number): boolean {
  const isIpv4 = length === 8 || length === 10 || length === 16 || length === 18;
  const isIpv6 = length === 20 || length === 22 || length === 28 || length === 30;
  if (!isIpv4 && !isIpv6) return false;
  p.print(` ${addAddressKinds.get(p.u8(at + 2) & 15) ?? '[bad version/echo]'}`);
  p.print(` id ${p.u8(at + 3)}`);
  p.print(` ${isIpv4 ? p.ipv4(at + 4) : p.ipv6(at + 4)}`);
  let next = at + (isIpv4 ? 8 : 20);
  const hasPort = length % 8 === (isIpv4 ? 2 : 6);
  if (hasPort) {
    p.print(`:${p.u16(next)}`);
    next += 2;
  }
  if (at + length - next === 8) p.print(` hmac ${hex64(p, next)}`);
  return true;
}

function printRemoveAddress(p: Printer, at: number, length: number): boolean {
  if (length < 4) return false;
  p.print(' id');
  for (let i = 3; i < length; i++) p.print(` ${p.u8(at + i)}`);
  return true;
}

function printPriority(p: Printer, at: number, length: number): boolean {
  if (length !== 3 && length !== 4) return false;
  p.print(p.u8(at + 2) & 1 ? ' backup' : ' non-backup');
  if (length === 4) p.print(` id ${p.u8(at + 3)}`);
  return true;
}
