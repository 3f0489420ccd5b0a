/** UDP datagrams. Payloads are not decoded, on whatever port. */
import { hex } from './bytes.js';
import { rightChecksum } from './checksum.js';
import { addressesText, endpointsText, isNamedByIpHeader } from './endpoints.js';
import { IP_PROTOCOL } from './names.js';
import type { Printer } from './printer.js';
import { transportChecksum } from './pseudo-header.js';

const HEADER_LEN = 8;

export function printUdp(p: Printer, at: number, length: number, ip: number, isFragmented: boolean): void {
  p.protocol = 'udp';
  const isOuter = isNamedByIpHeader(p, ip, IP_PROTOCOL.udp);
  if (!p.has(at, 4)) {
    if (isOuter) p.print(addressesText(p, ip));
    p.markTruncated();
    return;
  }
  p.print(isOuter ? endpointsText(p, ip, at) : `${p.u16(at)} > ${p.u16(at + 2)}: `);
  if (length < HEADER_LEN) p.print(`truncated-udp ${length}`);
  else if (!p.has(at, 6)) p.markTruncated();
  else printLength(p, at, length, ip, isFragmented);
}

function printLength(p: Printer, at: number, length: number, ip: number, isFragmented: boolean): void {
  const field = p.u16(at + 4);
  // 0 is the length of a jumbogram (RFC 2675).
  const datagramLen = field === 0 && length > 0xffff ? length : field;
  if (datagramLen < HEADER_LEN) {
    p.print(`truncated-udplength ${datagramLen}`);
    return;
  }
  if (!p.has(at, HEADER_LEN)) {
    p.markTruncated();
    return;
  }
  const saidLen = datagramLen - HEADER_LEN;
  const thereLen = Math.min(saidLen, length - HEADER_LEN);
  if (p.verbose > 0 && !isFragmented) printChecksum(p, at, thereLen + HEADER_LEN, ip);
  if (saidLen > thereLen && !isFragmented) p.print(`UDP, bad length ${saidLen} > ${thereLen}`);
  else p.print(`UDP, length ${saidLen}`);
}

/** Over IPv4 only from -vv on, as its checksum is optional there. */
function printChecksum(p: Printer, at: number, length: number, ip: number): void {
  const isIpv4 = p.u8(ip) >> 4 === 4;
  if (isIpv4 && p.verbose < 2) return;
  const field = p.u16(at + 6);
  if (isIpv4 && field === 0) {
    p.print('[no cksum] ');
    return;
  }
  if (!p.has(at, length)) return;
  const sum = transportChecksum(p, ip, at, length, IP_PROTOCOL.udp);
  if (sum === 0) p.print('[udp sum ok] ');
  else {
    const right = rightChecksum(field, sum);
    p.print(`[bad udp cksum 0x${hex(field, 4)} -> 0x${hex(right, 4)}!] `);
  }
}
