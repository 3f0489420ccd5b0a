/** Extensions behind the packet that an ICMP error quotes (RFC 4884), for -v. */
import { hex } from './bytes.js';
import { checksum } from './checksum.js';
import type { Printer } from './printer.js';

/** The ICMP header and the quoted packet, which is filled up to 128 bytes. */
const EXTENSIONS_AT = 136;
const HEADER_LEN = 4;
const VERSION = 2;
const MPLS_CLASS = 1;
const objectNames = new Map<number, string>([
  [1, 'MPLS Stack Entry'],
  [2, 'Interface Identification'],
]);

/** Prints the extensions of a message of `length` bytes at `at`, if there are any. */
export function printIcmpExtensions(p: Printer, at: number, length: number, type: number): void {
  const mayHave = type === 3 || type === 11 || type === 12;
  if (!mayHave || length <= EXTENSIONS_AT) return;
  const extensions = at + EXTENSIONS_AT;
  const extensionsLen = length - EXTENSIONS_AT;
  // One byte of object data belongs to the least that can be shown.
  if (!p.has(extensions, HEADER_LEN + 1)) {
    p.markTruncated();
    return;
  }
  const isAllThere = p.has(extensions, extensionsLen);
  const isCorrect = isAllThere && checksum(p.bytes, extensions, extensionsLen) === 0;
  // Without the length attribute only a right checksum tells extensions from a long quote.
  if (p.u8(at + 5) === 0 && isAllThere && !isCorrect) return;
  const version = p.u8(extensions) >> 4;
  p.print(`\n\tICMP Multi-Part extension v${version}`);
  if (version !== VERSION) {
    p.print(' packet not supported');
    return;
  }
  if (isAllThere) {
    const correctness = isCorrect ? 'correct' : 'incorrect';
    p.print(`, checksum 0x${hex(p.u16(extensions + 2), 4)} (${correctness}), length ${extensionsLen}`);
  }
  printObjects(p, extensions + HEADER_LEN, extensionsLen - HEADER_LEN);
}

function printObjects(p: Printer, start: number, length: number): void {
  let at = start;
  let left = length;
  while (left > HEADER_LEN) {
    if (!p.has(at, HEADER_LEN)) {
      p.markTruncated();
      return;
    }
    const objectLen = p.u16(at);
    const objectClass = p.u8(at + 2);
    const kind = p.u8(at + 3);
    const name = objectNames.get(objectClass) ?? 'unknown';
    p.print(`\n\t  ${name} Object (${objectClass}), Class-Type: ${kind}, length ${objectLen}`);
    if (objectClass === 0 || objectLen < HEADER_LEN) return;
    if (objectClass === MPLS_CLASS && kind === 1) p.print(labelText(p.u32(at + HEADER_LEN)));
    left -= objectLen;
    if (left < 0) return;
    at += objectLen;
  }
}

function labelText(entry: number): string {
  const bottom = entry & 0x100 ? ', [S]' : '';
  return `\n\t    label ${entry >>> 12}, tc ${(entry >> 9) & 7}${bottom}, ttl ${entry & 0xff}`;
}
