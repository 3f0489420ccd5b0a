/** From an IP protocol number to the printer of the payload, for both versions. */
import { printDccp, printEigrp, printOspf, printPim, printVrrp } from './brief.js';
import { printEthernet } from './ethernet.js';
import { printGre } from './gre.js';
import { printIcmp } from './icmp.js';
import { printIcmp6 } from './icmp6.js';
import { printIgmp } from './igmp.js';
import { printAh, printEsp, printIpcomp } from './ipsec.js';
import { printIpv4 } from './ipv4.js';
import { printIpv6 } from './ipv6.js';
import { IP_PROTOCOL, ipProtocolName } from './names.js';
import type { Printer } from './printer.js';
import { printSctp } from './sctp.js';
import { printTcp } from './tcp.js';
import { printUdp } from './udp.js';

/** Protocols that tcpdump decodes and this module only names: EGP, IGRP, RSVP, Mobile IP, PGM. */
const namedOnly = new Set([8, 9, 46, 55, 113]);

/**
 * Prints the payload of a datagram.
 *
 * @param ip where the IP header is
 * @param at where the payload is
 * @param payloadLen its length by the IP header; unsigned, since a bad AH length may leave less than nothing
 * @param isFragmented whether checksums cannot be right because parts are elsewhere
 */
export function printIpPayload(
  p: Printer,
  ip: number,
  at: number,
  payloadLen: number,
  protocol: number,
  isFragmented: boolean,
): void {
  let next = protocol;
  let start = at;
  let length = payloadLen;
  // A loop, because a packet can hold thousands of these headers.
  while (next === IP_PROTOCOL.ah) {
    const headerLen = printAh(p, start);
    if (headerLen === 0) return;
    next = p.u8(start);
    start += headerLen;
    length = (length - headerLen) >>> 0;
  }
  if (next === IP_PROTOCOL.tcp) printTcp(p, start, length, ip, isFragmented);
  else if (next === IP_PROTOCOL.udp) printUdp(p, start, length, ip, isFragmented);
  else printOther(p, ip, start, length, next, isFragmented);
}

function printOther(
  p: Printer,
  ip: number,
  at: number,
  length: number,
  protocol: number,
  isFragmented: boolean,
): void {
  const isIpv6 = p.u8(ip) >> 4 === 6;
  const needed = versionNeeded(protocol);
  if (needed !== undefined && needed !== (isIpv6 ? 'IPv6' : 'IPv4')) {
    p.print(`[${ipProtocolName(protocol)} requires ${needed}]`);
    p.markInvalid();
    return;
  }
  switch (protocol) {
    case IP_PROTOCOL.icmp:
      printIcmp(p, at, length, isFragmented);
      break;
    case IP_PROTOCOL.icmp6:
      printIcmp6(p, at, length, ip, isFragmented);
      break;
    case IP_PROTOCOL.igmp:
      printIgmp(p, at, length);
      break;
    case IP_PROTOCOL.sctp:
      printSctp(p, at, length, ip);
      break;
    case IP_PROTOCOL.noNext:
      p.print('no next header');
      break;
    default:
      printTunnel(p, ip, at, length, protocol);
  }
}

/** Protocols that belong to one IP version. */
function versionNeeded(protocol: number): string | undefined {
  if (protocol === IP_PROTOCOL.icmp || protocol === IP_PROTOCOL.igmp) return 'IPv4';
  return protocol === IP_PROTOCOL.icmp6 || protocol === IP_PROTOCOL.ethernet ? 'IPv6' : undefined;
}

function printTunnel(p: Printer, ip: number, at: number, length: number, protocol: number): void {
  switch (protocol) {
    case IP_PROTOCOL.ipv4:
      printIpv4(p, at, length);
      break;
    case IP_PROTOCOL.ipv6:
      printIpv6(p, at, length);
      break;
    case IP_PROTOCOL.ethernet:
      printFrame(p, at, length);
      break;
    case IP_PROTOCOL.gre:
      printGre(p, at, length);
      break;
    case IP_PROTOCOL.esp:
      printEsp(p, at, length);
      break;
    case IP_PROTOCOL.ipcomp:
      printIpcomp(p, at);
      break;
    default:
      printBrief(p, ip, at, length, protocol);
  }
}

/** A frame inside a packet: the nesting is bounded as for IP in IP. */
function printFrame(p: Printer, at: number, length: number): void {
  if (!p.enter()) return;
  printEthernet(p, at, length);
  p.leave();
}

function printBrief(p: Printer, ip: number, at: number, length: number, protocol: number): void {
  switch (protocol) {
    case IP_PROTOCOL.dccp:
      printDccp(p, at, length, ip);
      break;
    case IP_PROTOCOL.ospf:
      printOspf(p, at, length, p.u8(ip) >> 4);
      break;
    case IP_PROTOCOL.pim:
      printPim(p, at, length);
      break;
    case IP_PROTOCOL.vrrp:
      printVrrp(p, at, length, ip);
      break;
    case IP_PROTOCOL.eigrp:
      printEigrp(p, at, length);
      break;
    case IP_PROTOCOL.sunNd:
      p.print(` nd ${length}`);
      break;
    default:
      if (namedOnly.has(protocol)) p.print(`${ipProtocolName(protocol)}, length ${length}`);
      else p.print(` ip-proto-${protocol} ${length}`);
  }
}
