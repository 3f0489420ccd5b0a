/** The IPv6 header and the walk along its extension headers. */
import { hex } from './bytes.js';
import { addressesText } from './endpoints.js';
import { printIpPayload } from './ip-payload.js';
import { type Jumbo, printExtension } from './ipv6-extensions.js';
import { IP_PROTOCOL, ipProtocolName } from './names.js';
import type { Printer } from './printer.js';

const HEADER_LEN = 40;

/** Prints a datagram; `length` is what the layer below says there is of it. */
export function printIpv6(p: Printer, at: number, length: number): void {
  if (!p.enter()) return;
  const end = p.end;
  printDatagram(p, at, length);
  p.end = end;
  p.leave();
}

function printDatagram(p: Printer, at: number, length: number): void {
  p.protocol = 'ip6';
  if (!p.has(at, HEADER_LEN)) {
    p.markTruncated();
    return;
  }
  if (length < HEADER_LEN) {
    p.print(`truncated-ip6 ${length}`);
    return;
  }
  if (!p.linkHeader) p.print('IP6 ');
  const version = p.u8(at) >> 4;
  if (version !== 6) {
    p.print(`version error: ${version} != 6`);
    return;
  }
  const payloadLen = p.u16(at + 4);
  const totalLen = payloadLen + HEADER_LEN;
  if (payloadLen !== 0 && length < totalLen) p.print(`truncated-ip6 - ${totalLen - length} bytes missing!`);
  if (p.verbose > 0) p.print(headerText(p, at, payloadLen));
  const outerEnd = p.end;
  if (payloadLen !== 0) p.limit(at, totalLen);
  const next = p.u8(at + 6);
  if (isPlainTransport(next)) {
    printPayload(p, at, length, payloadLen, outerEnd);
    return;
  }
  p.print(addressesText(p, at));
  walkExtensions(p, at, length, payloadLen, outerEnd);
}

/** These print the addresses themselves, with their ports. */
function isPlainTransport(next: number): boolean {
  return (
    next === IP_PROTOCOL.tcp ||
    next === IP_PROTOCOL.udp ||
    next === IP_PROTOCOL.dccp ||
    next === IP_PROTOCOL.sctp
  );
}

/** The common case: the transport header follows at once. */
function printPayload(p: Printer, at: number, length: number, payloadLen: number, outerEnd: number): void {
  const left = payloadLen === 0 ? emptyOrOversized(p, at, length, outerEnd) : payloadLen;
  printIpPayload(p, at, at + HEADER_LEN, left, p.u8(at + 6), false);
}

/**
 * The payload of a header that says 0 without a jumbo option: none, unless the packet is an offload packet
 * too long for the field (BIG TCP).
 */
function emptyOrOversized(p: Printer, at: number, length: number, outerEnd: number): number {
  if (length > 0xffff + HEADER_LEN) return length - HEADER_LEN;
  p.end = Math.min(outerEnd, at + HEADER_LEN);
  return 0;
}

function headerText(p: Printer, at: number, payloadLen: number): string {
  const flow = p.u32(at);
  const next = p.u8(at + 6);
  const trafficClass = (flow >>> 20) & 0xff;
  const label = flow & 0xfffff;
  const classText = trafficClass === 0 ? '' : `class 0x${hex(trafficClass, 2)}, `;
  const labelText = label === 0 ? '' : `flowlabel 0x${hex(label, 5)}, `;
  const nextText = `next-header ${ipProtocolName(next)} (${next})`;
  return `(${classText}${labelText}hlim ${p.u8(at + 7)}, ${nextText} payload length: ${payloadLen}) `;
}

function isHeaderInFront(next: number): boolean {
  return (
    next === IP_PROTOCOL.hopByHop ||
    next === IP_PROTOCOL.destinationOptions ||
    next === IP_PROTOCOL.fragment ||
    next === IP_PROTOCOL.routing ||
    next === IP_PROTOCOL.mobility ||
    next === IP_PROTOCOL.mobilityOld
  );
}

function walkExtensions(p: Printer, ip: number, length: number, saidLen: number, outerEnd: number): void {
  const jumbo: Jumbo = { payloadLen: saidLen, isFound: false };
  let next = p.u8(ip + 6);
  let at = ip + HEADER_LEN;
  // A payload length of 0 may be that of a jumbogram, so the walk goes by what is there.
  let left = saidLen === 0 ? length : saidLen;
  let isFragmented = false;
  while (isHeaderInFront(next)) {
    if (next === IP_PROTOCOL.hopByHop && at !== ip + HEADER_LEN) {
      p.print(hopByHopMisplaced(p.u8(ip + 6)));
      p.markInvalid();
      return;
    }
    const headerLen = printExtension(p, next, ip, at, jumbo);
    if (headerLen === 0) return;
    isFragmented ||= next === IP_PROTOCOL.fragment;
    next = p.u8(at);
    p.protocol = 'ip6';
    if (left < headerLen) {
      p.markTruncated();
      return;
    }
    at += headerLen;
    left -= headerLen;
  }
  const payloadLen = payloadLength(p, ip, at, length, left, jumbo, outerEnd);
  if (payloadLen >= 0) printIpPayload(p, ip, at, payloadLen, next, isFragmented);
}

function hopByHopMisplaced(first: number): string {
  if (first === IP_PROTOCOL.hopByHop) return '[The Hop-by-Hop Options header was already found]';
  return "[The Hop-by-Hop Options header don't follow the IPv6 header]";
}

/** What is left for the payload behind all extension headers; -1 after an error was printed. */
function payloadLength(
  p: Printer,
  ip: number,
  at: number,
  length: number,
  left: number,
  jumbo: Jumbo,
  outerEnd: number,
): number {
  const hasExtension = at !== ip + HEADER_LEN;
  if (!jumbo.isFound && jumbo.payloadLen !== 0) return left;
  if (!jumbo.isFound && !hasExtension) return emptyOrOversized(p, ip, length, outerEnd);
  const totalLen = jumbo.payloadLen + HEADER_LEN;
  if (!jumbo.isFound || totalLen < at - ip) {
    p.markTruncated();
    return -1;
  }
  if (length < totalLen) p.print(`truncated-ip6 - ${totalLen - length} bytes missing!`);
  p.end = outerEnd;
  p.limit(ip, totalLen);
  return totalLen - (at - ip);
}
