/** Transport checksums, which cover the addresses of the IP header too. */
import { checksum, onesSum } from './checksum.js';
import { addressesAt, addressLength } from './endpoints.js';
import { IP_PROTOCOL } from './names.js';
import type { Printer } from './printer.js';

const LOOSE_SOURCE_ROUTE = 131;
const STRICT_SOURCE_ROUTE = 137;

/** The checksum of `len` bytes at `at`, with the pseudo-header of the IP header at `ip`: 0 where it is right. */
export function transportChecksum(p: Printer, ip: number, at: number, len: number, protocol: number): number {
  const addressLen = addressLength(p, ip);
  const source = addressesAt(p, ip);
  const destination = addressLen === 4 ? finalIpv4(p, ip) : finalIpv6(p, ip);
  let sum = onesSum(p.bytes, source, addressLen, protocol + len);
  sum = onesSum(p.bytes, destination, addressLen, sum);
  return checksum(p.bytes, at, len, sum);
}

/** Where the last hop of a source route is, or the destination. */
function finalIpv4(p: Printer, ip: number): number {
  const end = ip + (p.u8(ip) & 15) * 4;
  for (let at = ip + 20; at < end; ) {
    const code = p.u8(at);
    if (code === 0) break;
    const optionLen = code === 1 ? 1 : at + 1 < end ? p.u8(at + 1) : 0;
    if (optionLen < 1 || (code !== 1 && optionLen < 2) || at + optionLen > end) break;
    const isRoute = code === LOOSE_SOURCE_ROUTE || code === STRICT_SOURCE_ROUTE;
    if (isRoute && optionLen >= 7) return at + optionLen - 4;
    at += optionLen;
  }
  return ip + 16;
}

/** Where the last segment of a routing header is, or the destination. */
function finalIpv6(p: Printer, ip: number): number {
  let next = p.u8(ip + 6);
  let at = ip + 40;
  for (;;) {
    if (next === IP_PROTOCOL.routing) return lastSegment(p, at) || ip + 24;
    const isOptions = next === IP_PROTOCOL.hopByHop || next === IP_PROTOCOL.destinationOptions;
    if (!isOptions && next !== IP_PROTOCOL.fragment) return ip + 24;
    const headerLen = isOptions ? (p.u8(at + 1) + 1) * 8 : 8;
    next = p.u8(at);
    at += headerLen;
  }
}

/** 0 where the routing header names none. */
function lastSegment(p: Printer, at: number): number {
  const units = p.u8(at + 1);
  const type = p.u8(at + 2);
  if (units < 2 || units % 2 === 1) return 0;
  // Segment routing lists its segments last one first.
  const segment = type === 4 ? at + 8 : at + 8 + (units - 2) * 8;
  return (type === 0 || type === 2 || type === 4) && p.has(segment, 16) ? segment : 0;
}
