/** TCP segments. Payloads are not decoded. */
import { hex, u32Text } from './bytes.js';
import { rightChecksum } from './checksum.js';
import { addressesAt, addressesText, addressLength, endpointsText, isNamedByIpHeader } from './endpoints.js';
import { IP_PROTOCOL } from './names.js';
import type { Printer } from './printer.js';
import { transportChecksum } from './pseudo-header.js';
import { printTcpOptions } from './tcp-options.js';

const HEADER_LEN = 20;
const TCP_FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, push: 0x08, ack: 0x10, urg: 0x20 } as const;
const MAX_RESET_TEXT = 30;

/** Flag letters of every value of the flags byte. */
const flagTexts: readonly string[] = Array.from({ length: 256 }, (_, flags) => {
  let text = '';
  for (let bit = 0; bit < 8; bit++) if (flags & (1 << bit)) text += 'FSRP.UEW'[bit];
  return text === '' ? 'none' : text;
});

export function printTcp(p: Printer, at: number, length: number, ip: number, isFragmented: boolean): void {
  p.protocol = 'tcp';
  if (!p.has(at, 4)) {
    p.print(addressesText(p, ip).trimEnd());
    p.markTruncated();
    return;
  }
  if (isNamedByIpHeader(p, ip, IP_PROTOCOL.tcp)) p.print(endpointsText(p, ip, at));
  else p.print(`${p.u16(at)} > ${p.u16(at + 2)}: `);
  if (!p.has(at, HEADER_LEN)) {
    p.markTruncated();
    return;
  }
  const headerLen = (p.u8(at + 12) >> 4) * 4;
  const payloadLen = (length - headerLen) >>> 0;
  const tooLong = headerLen > length ? ` [bad hdr length ${headerLen} - too long, > ${length}]` : '';
  if (headerLen < HEADER_LEN) {
    p.print(` tcp ${payloadLen} [bad hdr length ${headerLen} - too short, < ${HEADER_LEN}]`);
  } else if (p.quick) {
    p.print(`tcp ${payloadLen}${tooLong}`);
  } else {
    const flags = p.u8(at + 13);
    p.print(`Flags [${flagTexts[flags]}]${tooLong}`);
    const sackBase = track(p, at, ip, flags);
    if (tooLong !== '') return;
    if (p.verbose > 0 && !isFragmented) printChecksum(p, at, length, ip);
    printNumbers(p, at, payloadLen, flags);
    printRest(p, at, headerLen, payloadLen, flags, sackBase);
  }
}

/** Options and length. */
function printRest(
  p: Printer,
  at: number,
  headerLen: number,
  payloadLen: number,
  flags: number,
  sackBase: number,
): void {
  const payload = at + headerLen;
  const optionsLen = headerLen - HEADER_LEN;
  const isWhole =
    optionsLen === 0 ||
    printTcpOptions(p, at + HEADER_LEN, optionsLen, flags, sackBase, payload + payloadLen);
  if (!isWhole) return;
  p.print(`, length ${payloadLen}`);
  if (payloadLen === 0) return;
  if (!p.has(at, headerLen)) {
    p.print(` [remaining caplen(${p.left(at)}) < header length(${headerLen})]`);
    p.markTruncated();
  } else if (flags & TCP_FLAG.rst && p.verbose > 0) printResetText(p, payload, payloadLen);
}

/** The numbers to show, valid until the next call of `track`. */
let shownSeq = 0;
let shownAck = 0;

/** Sets the numbers to show and answers the base of the SACK edges. */
function track(p: Printer, at: number, ip: number, flags: number): number {
  const seq = p.u32(at + 4);
  const ack = p.u32(at + 8);
  const tracker = p.sequences;
  if (tracker === undefined || p.absoluteSequence || (flags & TCP_FLAG.ack) === 0) {
    shownSeq = seq;
    shownAck = ack;
    return 0;
  }
  const isSyn = (flags & TCP_FLAG.syn) !== 0;
  const addresses = addressesAt(p, ip);
  tracker.track(p.bytes, addresses, addressLength(p, ip), p.u16(at), p.u16(at + 2), isSyn, seq, ack);
  shownSeq = tracker.seq;
  shownAck = tracker.ack;
  return tracker.sackBase;
}

function printNumbers(p: Printer, at: number, payloadLen: number, flags: number): void {
  const saysSequence =
    payloadLen > 0 || p.verbose > 1 || (flags & (TCP_FLAG.syn | TCP_FLAG.fin | TCP_FLAG.rst)) !== 0;
  if (payloadLen > 0) p.print(`, seq ${u32Text(shownSeq)}:${u32Text((shownSeq + payloadLen) >>> 0)}`);
  else if (saysSequence) p.print(`, seq ${u32Text(shownSeq)}`);
  if (flags & TCP_FLAG.ack) p.print(`, ack ${u32Text(shownAck)}`);
  p.print(`, win ${p.u16(at + 14)}`);
  if (flags & TCP_FLAG.urg) p.print(`, urg ${p.u16(at + 18)}`);
}

function printChecksum(p: Printer, at: number, length: number, ip: number): void {
  if (!p.has(at, length)) return;
  const sum = transportChecksum(p, ip, at, length, IP_PROTOCOL.tcp);
  const field = p.u16(at + 16);
  p.print(`, cksum 0x${hex(field, 4)}`);
  p.print(sum === 0 ? ' (correct)' : ` (incorrect -> 0x${hex(rightChecksum(field, sum), 4)})`);
}

/** RFC 1122 lets a reset carry the reason as text. */
function printResetText(p: Printer, at: number, length: number): void {
  const shownLen = Math.min(length, MAX_RESET_TEXT);
  p.print(`${p.has(at, length) ? ' [RST' : ' [!RST'}${length > MAX_RESET_TEXT ? '+ ' : ' '}`);
  for (let i = 0; i < shownLen && p.has(at + i, 1); i++) p.print(visible(p.u8(at + i)));
  p.print(']');
}

/** One byte in the caret and meta notation: no control character reaches a terminal. */
function visible(byte: number): string {
  const ascii = byte & 0x7f;
  const isPrintable = ascii >= 0x20 && ascii < 0x7f;
  const text = isPrintable ? String.fromCharCode(ascii) : `^${String.fromCharCode(ascii ^ 0x40)}`;
  return byte < 0x80 ? text : `M-${text}`;
}
