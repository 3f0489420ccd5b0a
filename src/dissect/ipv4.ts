/** The IPv4 header, its options, and fragments. */
import { checksum, rightChecksum } from './checksum.js';
import { printIpPayload } from './ip-payload.js';
import { printIpv4Options } from './ipv4-options.js';
import { IP_PROTOCOL, ipProtocolName } from './names.js';
import type { Printer } from './printer.js';

const HEADER_LEN = 20;
const RESERVED = 0x8000;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

/** Prints a datagram; `length` is what the layer below says there is of it. */
export function printIpv4(p: Printer, at: number, length: number): void {
  if (!p.enter()) return;
  const end = p.end;
  printDatagram(p, at, length);
  p.end = end;
  p.leave();
}

function printDatagram(p: Printer, at: number, length: number): void {
  p.protocol = 'ip';
  const first = p.u8(at);
  if (first >> 4 !== 4) {
    p.print(first >> 4 === 6 ? 'IP6, wrong link-layer encapsulation' : `IP${first >> 4}`);
    p.markInvalid();
    return;
  }
  if (!p.linkHeader) p.print('IP ');
  if (!p.has(at, HEADER_LEN)) {
    p.markTruncated();
    return;
  }
  if (length < HEADER_LEN) {
    p.print(`truncated-ip ${length}`);
    return;
  }
  const headerLen = (first & 15) * 4;
  if (headerLen < HEADER_LEN) {
    p.print(`bad-hlen ${headerLen}`);
    return;
  }
  const totalLen = datagramLength(p, at, headerLen, length);
  if (totalLen === 0) return;
  p.limit(at, totalLen);
  if (p.verbose > 0 && !printHeader(p, at, headerLen)) return;
  printPayload(p, at, headerLen, totalLen - headerLen);
}

/** The length to go by; 0 after an error was printed. */
function datagramLength(p: Printer, at: number, headerLen: number, length: number): number {
  const totalLen = p.u16(at + 2);
  if (length < totalLen) p.print(`truncated-ip - ${totalLen - length} bytes missing! `);
  if (totalLen >= headerLen) return totalLen;
  // The kernel writes 0 where an offload packet is too long for the field (iph_set_totlen, BIG TCP).
  if (totalLen === 0 && length > 0xffff) return length;
  p.print(`bad-len ${totalLen}`);
  return 0;
}

function printPayload(p: Printer, at: number, headerLen: number, payloadLen: number): void {
  const fragment = p.u16(at + 6);
  const protocol = p.u8(at + 9);
  if ((fragment & OFFSET_MASK) !== 0) {
    p.print(`${p.ipv4(at + 12)} > ${p.ipv4(at + 16)}: ip-proto-${protocol}`);
    return;
  }
  if (
    protocol !== IP_PROTOCOL.tcp &&
    protocol !== IP_PROTOCOL.udp &&
    protocol !== IP_PROTOCOL.sctp &&
    protocol !== IP_PROTOCOL.dccp
  ) {
    p.print(`${p.ipv4(at + 12)} > ${p.ipv4(at + 16)}: `);
  }
  if (!p.has(at, headerLen)) {
    p.print(` [remaining caplen(${p.left(at)}) < header length(${headerLen})]`);
    p.markTruncated();
    return;
  }
  const isFragmented = (fragment & MORE_FRAGMENTS) !== 0;
  printIpPayload(p, at, at + headerLen, payloadLen, protocol, isFragmented);
}

function ecnText(tos: number): string {
  return ['', ',ECT(1)', ',ECT(0)', ',CE'][tos & 3]!;
}

function fragmentFlags(fragment: number): string {
  let text = '';
  if (fragment & MORE_FRAGMENTS) text += '+';
  if (fragment & DONT_FRAGMENT) text += text === '' ? 'DF' : ', DF';
  if (fragment & RESERVED) text += text === '' ? 'rsvd' : ', rsvd';
  return text === '' ? 'none' : text;
}

/** The header in parentheses, for -v; false where its options are cut off, and with them all the rest. */
function printHeader(p: Printer, at: number, headerLen: number): boolean {
  const tos = p.u8(at + 1);
  const ttl = p.u8(at + 8);
  const fragment = p.u16(at + 6);
  const protocol = p.u8(at + 9);
  p.print(`(tos 0x${tos.toString(16)}${ecnText(tos)}${ttl >= 1 ? `, ttl ${ttl}` : ''}`);
  p.print(
    `, id ${p.u16(at + 4)}, offset ${(fragment & OFFSET_MASK) * 8}, flags [${fragmentFlags(fragment)}]`,
  );
  p.print(`, proto ${ipProtocolName(protocol)} (${protocol}), length ${p.u16(at + 2)}`);
  let isWhole = true;
  if (headerLen > HEADER_LEN) {
    p.print(', options (');
    isWhole = printIpv4Options(p, at + HEADER_LEN, headerLen - HEADER_LEN);
    p.print(isWhole ? ')' : ' [truncated-option])');
  }
  printHeaderChecksum(p, at, headerLen);
  p.print(')\n    ');
  if (isWhole) return true;
  p.print(`${p.ipv4(at + 12)} > ${p.ipv4(at + 16)}: `);
  p.markTruncated();
  return false;
}

function printHeaderChecksum(p: Printer, at: number, headerLen: number): void {
  if (!p.has(at, headerLen)) return;
  const sum = checksum(p.bytes, at, headerLen);
  if (sum === 0) return;
  const field = p.u16(at + 10);
  p.print(`, bad cksum ${field.toString(16)} (->${rightChecksum(field, sum).toString(16)})!`);
}
