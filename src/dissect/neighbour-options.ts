/** Options of neighbour discovery messages, one a line. */
import { ipv6Text, octetsText } from './addresses.js';
import { bitNames } from './names.js';
import type { Printer } from './printer.js';

const optionNames = new Map<number, string>([
  [1, 'source link-address'],
  [2, 'destination link-address'],
  [3, 'prefix info'],
  [4, 'redirected header'],
  [5, 'mtu'],
  [7, 'advertisement interval'],
  [8, 'homeagent information'],
  [24, 'route info'],
  [25, 'rdnss'],
  [31, 'dnssl'],
]);

const prefixFlags = [
  [0x80, 'onlink'],
  [0x40, 'auto'],
  [0x20, 'router'],
] as const;

const preferences = ['medium', 'high', 'rsv', 'low'];

/** The router preference in a flags byte (RFC 4191). */
export function preferenceText(flags: number): string {
  return preferences[(flags >> 3) & 3]!;
}

/** False where an option is cut off. */
export function printDiscoveryOptions(p: Printer, start: number, length: number): boolean {
  let at = start;
  let left = length;
  while (at < p.end) {
    if (!p.has(at, 2)) return false;
    if (left <= 0) return true;
    const type = p.u8(at);
    const units = p.u8(at + 1);
    if (units === 0 || at + units * 8 > p.end) return false;
    p.print(`\n\t  ${optionNames.get(type) ?? 'unknown'} option (${type}), length ${units * 8} (${units}): `);
    const text = optionText(p, at, type, units);
    if (text === undefined) return false;
    p.print(text);
    // tcpdump dumps what it does not know and stops there.
    if (!optionNames.has(type) && p.verbose === 1) return true;
    at += units * 8;
    left -= units * 8;
  }
  return true;
}

function lifetimeText(seconds: number): string {
  return seconds === 0xffffffff ? 'infinity' : `${seconds}s`;
}

/** Undefined where the length does not fit the type. */
function optionText(p: Printer, at: number, type: number, units: number): string | undefined {
  switch (type) {
    case 1:
    case 2:
      p.need(at, units * 8);
      return octetsText(p.bytes, at + 2, units * 8 - 2);
    case 3:
      return prefixText(p, at, units);
    case 5:
      return ` ${p.u32(at + 4)}${units === 1 ? '' : 'bad option length'}`;
    case 7:
      return ` ${p.u32(at + 4)}ms`;
    case 8:
      return ` preference ${p.u16(at + 4)}, lifetime ${p.u16(at + 6)}`;
    case 24:
      return routeText(p, at, units);
    case 25:
      return dnsServersText(p, at, units);
    case 31:
      return dnsSearchText(p, at, units);
    default:
      return '';
  }
}

function prefixText(p: Printer, at: number, units: number): string {
  const prefix = `${p.ipv6(at + 16)}/${p.u8(at + 2)}${units === 4 ? '' : 'badlen'}`;
  const flags = bitNames(prefixFlags, p.u8(at + 3));
  const valid = lifetimeText(p.u32(at + 4));
  return `${prefix}, Flags [${flags}], valid time ${valid}, pref. time ${lifetimeText(p.u32(at + 8))}`;
}

/** RFC 4191: the prefix is as long as the option leaves room for. */
function routeText(p: Printer, at: number, units: number): string | undefined {
  const lifetime = p.u32(at + 4);
  if (units > 3) return undefined;
  const prefix = new Uint8Array(16);
  for (let i = 0; i < (units - 1) * 8; i++) prefix[i] = p.u8(at + 8 + i);
  const preference = preferenceText(p.u8(at + 3));
  return ` ${ipv6Text(prefix, 0)}/${p.u8(at + 2)}, pref=${preference}, lifetime=${lifetimeText(lifetime)}`;
}

function dnsServersText(p: Printer, at: number, units: number): string {
  let text = ` lifetime ${p.u32(at + 4)}s,`;
  for (let i = 0; i < (units - 1) >> 1; i++) text += ` addr: ${p.ipv6(at + 8 + i * 16)}`;
  return text;
}

/** Names are sequences of labels without compression (RFC 8106). */
function dnsSearchText(p: Printer, at: number, units: number): string {
  const end = at + units * 8;
  let text = ` lifetime ${p.u32(at + 4)}s, domain(s):`;
  let next = at + 8;
  while (next < end && p.u8(next) !== 0) {
    text += ' ';
    while (next < end && p.u8(next) !== 0) {
      const labelLen = Math.min(p.u8(next), end - next - 1);
      for (let i = 1; i <= labelLen; i++) text += printable(p.u8(next + i));
      text += '.';
      next += 1 + labelLen;
    }
    next++;
  }
  return text;
}

function printable(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
}
