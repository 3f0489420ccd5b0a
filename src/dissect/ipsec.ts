/** IPsec and IPComp headers. Their payload is not readable, apart from AH's. */
import { hex } from './bytes.js';
import type { Printer } from './printer.js';

/** Prints an Authentication Header and answers its length. */
export function printAh(p: Printer, at: number): number {
  if (!p.has(at, 1)) {
    p.markTruncated('ah');
    return 0;
  }
  p.protocol = 'ah';
  p.print('AH');
  const words = p.u8(at + 1);
  const headerLen = (words + 2) * 4;
  p.print('(');
  if (p.verbose > 0) p.print(`length=${words}(${headerLen}-bytes),`);
  const reserved = p.u16(at + 2);
  if (reserved !== 0) p.print(`reserved=0x${reserved.toString(16)}[MustBeZero],`);
  p.print(`spi=0x${hex(p.u32(at + 4), 8)},`);
  p.print(`seq=0x${p.u32(at + 8).toString(16)},`);
  p.print('icv=0x');
  for (let i = 12; i < headerLen; i++) p.print(hex(p.u8(at + i), 2));
  p.print('): ');
  return headerLen;
}

export function printEsp(p: Printer, at: number, length: number): void {
  p.protocol = 'esp';
  if (p.left(at) <= 8) {
    p.markTruncated();
    return;
  }
  p.print(`ESP(spi=0x${hex(p.u32(at), 8)},seq=0x${p.u32(at + 4).toString(16)}), length ${length}`);
}

export function printIpcomp(p: Printer, at: number): void {
  p.protocol = 'ipcomp';
  p.print(`IPComp(cpi=0x${hex(p.u16(at + 2), 4)})`);
}
