/** GRE: version 0 (RFC 2784, 2890) with the packet inside, and the header of PPTP's version 1. */
import { printEthernet } from './ethernet.js';
import { printIpv4 } from './ipv4.js';
import { printIpv6 } from './ipv6.js';
import { printMpls } from './mpls.js';
import { bitNames, ETHERTYPE, ethertypeLabel } from './names.js';
import type { Printer } from './printer.js';

const CHECKSUM = 0x8000;
const ROUTING = 0x4000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;
const ACKNOWLEDGEMENT = 0x0080;

const flagNames = [
  [CHECKSUM, 'checksum present'],
  [ROUTING, 'routing present'],
  [KEY, 'key present'],
  [SEQUENCE, 'sequence# present'],
  [0x0800, 'source routing present'],
  [ACKNOWLEDGEMENT, 'ack present'],
] as const;

export function printGre(p: Printer, at: number, length: number): void {
  p.protocol = 'gre';
  if (!p.has(at, 2) || length < 2) {
    p.markTruncated();
    return;
  }
  const flags = p.u16(at);
  const version = flags & 7;
  p.print(`GREv${version}`);
  if (version > 1) {
    p.print(' ERROR: unknown-version');
    return;
  }
  if (p.verbose > 0) p.print(`, Flags [${bitNames(flagNames, flags)}]`);
  const headerLen = version === 0 ? printFields(p, at, length, flags) : printPptpFields(p, at, length, flags);
  if (headerLen === 0) {
    p.markTruncated();
    return;
  }
  const protocol = p.u16(at + 2);
  if (version === 1 && (flags & SEQUENCE) === 0) p.print(', no-payload');
  if (p.linkHeader) p.print(`, proto ${ethertypeLabel(protocol, 'unknown')}`);
  p.print(`, length ${length}`);
  if (version === 1 && (flags & SEQUENCE) === 0) return;
  p.print(p.verbose > 0 ? '\n\t' : ': ');
  printPayload(p, protocol, at + headerLen, length - headerLen, version);
}

/** Whether `count` bytes at `at` are captured and within the packet. */
function isThere(p: Printer, start: number, at: number, count: number, length: number): boolean {
  return p.has(at, count) && at + count - start <= length;
}

/** Prints the optional fields and answers the header's length; 0 where it is cut off. */
function printFields(p: Printer, start: number, length: number, flags: number): number {
  let at = start + 4;
  if (!isThere(p, start, start, 4, length)) return 0;
  if (flags & (CHECKSUM | ROUTING)) {
    if (!isThere(p, start, at, 2, length)) return 0;
    if (p.verbose > 0) p.print(`, sum 0x${p.u16(at).toString(16)}`);
    if (!isThere(p, start, at, 4, length)) return 0;
    p.print(`, off 0x${p.u16(at + 2).toString(16)}`);
    at += 4;
  }
  if (flags & KEY) {
    if (!isThere(p, start, at, 4, length)) return 0;
    p.print(`, key=0x${p.u32(at).toString(16)}`);
    at += 4;
  }
  if (flags & SEQUENCE) {
    if (!isThere(p, start, at, 4, length)) return 0;
    p.print(`, seq ${p.u32(at)}`);
    at += 4;
  }
  if (flags & ROUTING) return skipSourceRoutes(p, start, at, length);
  return at - start;
}

/** Source routes (RFC 1701) are obsolete: only their address family is said. */
function skipSourceRoutes(p: Printer, start: number, routes: number, length: number): number {
  let at = routes;
  for (;;) {
    if (!isThere(p, start, at, 4, length)) return 0;
    const family = p.u16(at);
    const routeLen = p.u8(at + 3);
    at += 4;
    if (family === 0 && routeLen === 0) return at - start;
    p.print(`, (rtaf=0x${family.toString(16)})`);
    if (at + routeLen - start > length) return 0;
    at += routeLen;
  }
}

function printPptpFields(p: Printer, start: number, length: number, flags: number): number {
  let at = start + 4;
  if (!isThere(p, start, start, 4, length)) return 0;
  const fields = [
    [KEY, 'call'],
    [SEQUENCE, 'seq'],
    [ACKNOWLEDGEMENT, 'ack'],
  ] as const;
  for (const [flag, name] of fields) {
    if ((flags & flag) === 0) continue;
    if (!isThere(p, start, at, 4, length)) return 0;
    const value = p.u32(at);
    p.print(`, ${name} ${flag === KEY ? value & 0xffff : value}`);
    at += 4;
  }
  return at - start;
}

function printPayload(p: Printer, protocol: number, at: number, length: number, version: number): void {
  if (version === 0 && protocol === ETHERTYPE.ipv4) printIpv4(p, at, length);
  else if (version === 0 && protocol === ETHERTYPE.ipv6) printIpv6(p, at, length);
  else if (version === 0 && protocol === ETHERTYPE.mpls) printMpls(p, at, length);
  else if (version === 0 && protocol === ETHERTYPE.transparentEthernet) {
    if (!p.enter()) return;
    printEthernet(p, at, length);
    p.leave();
  } else if (version === 1 && protocol === ETHERTYPE.ppp) p.print(`PPP, length ${length}`);
  else p.print(`gre-proto-0x${protocol.toString(16)}`);
}
