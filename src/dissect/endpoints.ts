/** Addresses and ports, read from the IP header that a transport header belongs to. */
import { ipv4EndpointsText } from './addresses.js';
import type { Printer } from './printer.js';

function isIpv6(p: Printer, ip: number): boolean {
  return p.bytes[ip]! >> 4 === 6;
}

/** Where the source address is; the destination address follows it. */
export function addressesAt(p: Printer, ip: number): number {
  return isIpv6(p, ip) ? ip + 8 : ip + 12;
}

/** 4 or 16 bytes. */
export function addressLength(p: Printer, ip: number): number {
  return isIpv6(p, ip) ? 16 : 4;
}

/** `10.0.0.1 > 10.0.0.2: `. */
export function addressesText(p: Printer, ip: number): string {
  if (isIpv6(p, ip)) return `${p.ipv6(ip + 8)} > ${p.ipv6(ip + 24)}: `;
  return `${p.ipv4(ip + 12)} > ${p.ipv4(ip + 16)}: `;
}

/** `10.0.0.1.1024 > 10.0.0.2.80: `, with the ports that begin the transport header at `transport`. */
export function endpointsText(p: Printer, ip: number, transport: number): string {
  p.need(transport, 4);
  if (!isIpv6(p, ip)) {
    p.need(ip + 12, 8);
    return ipv4EndpointsText(p.bytes, ip + 12, transport);
  }
  return `${p.ipv6(ip + 8)}.${p.u16(transport)} > ${p.ipv6(ip + 24)}.${p.u16(transport + 2)}: `;
}

/**
 * Whether the IP header names this protocol itself. Behind an extension header it does not, and then the
 * addresses are printed already.
 */
export function isNamedByIpHeader(p: Printer, ip: number, protocol: number): boolean {
  return p.u8(isIpv6(p, ip) ? ip + 6 : ip + 9) === protocol;
}
