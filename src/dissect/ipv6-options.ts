/** Options in hop-by-hop and destination options headers. They are checked always and printed with -v. */
import { hex } from './bytes.js';
import type { Jumbo } from './ipv6-extensions.js';
import type { Printer } from './printer.js';

const OPTION = { pad1: 0x00, padN: 0x01, routerAlert: 0x05, jumbo: 0xc2, homeAddress: 0xc9 } as const;

const HOME_ADDRESS_LEN = 18;

/** Least length of the options that have one, type and length bytes included. */
const minLengths = new Map<number, readonly [name: string, length: number]>([
  [OPTION.routerAlert, ['rtalert', 4]],
  [OPTION.jumbo, ['jumbo', 6]],
  [OPTION.homeAddress, ['homeaddr', HOME_ADDRESS_LEN]],
]);

/** False where an option does not fit. @param jumbo given for hop-by-hop options, the only place for a jumbo option */
export function printIpv6Options(p: Printer, start: number, length: number, jumbo?: Jumbo): boolean {
  let hasJumbo = false;
  for (let i = 0; i < length; ) {
    const at = start + i;
    const type = p.u8(at);
    if (type !== OPTION.pad1 && i + 1 >= length) return false;
    const optionLen = type === OPTION.pad1 ? 1 : p.u8(at + 1) + 2;
    if (i + optionLen > length) return false;
    if (!isWellFormed(p, at, type, optionLen, length - i)) return false;
    if (type === OPTION.jumbo) {
      readJumbo(p, p.u32(at + 2), hasJumbo, jumbo);
      hasJumbo = true;
    } else if (p.verbose > 0) {
      p.print(optionText(p, at, type, optionLen));
      if (type === OPTION.homeAddress && !printSubOptions(p, at + HOME_ADDRESS_LEN, optionLen)) return false;
    }
    i += optionLen;
  }
  if (p.verbose > 0) p.print(' ');
  return true;
}

function isWellFormed(p: Printer, at: number, type: number, optionLen: number, left: number): boolean {
  const rule = minLengths.get(type);
  if (rule === undefined) return true;
  const [name, minLen] = rule;
  if (left < minLen) {
    p.print(`(${name}: trunc)`);
    return false;
  }
  if (type === OPTION.homeAddress ? optionLen >= minLen : optionLen === minLen) return true;
  p.print(`(${name}: invalid len ${p.u8(at + 1)})`);
  return false;
}

function optionText(p: Printer, at: number, type: number, optionLen: number): string {
  switch (type) {
    case OPTION.pad1:
      return '(pad1)';
    case OPTION.padN:
      return '(padn)';
    case OPTION.routerAlert:
      return `(rtalert: 0x${hex(p.u16(at + 2), 4)}) `;
    case OPTION.homeAddress:
      return `(homeaddr: ${p.ipv6(at + 2)}`;
    default:
      return `(opt_type 0x${hex(type, 2)}: len=${optionLen - 2})`;
  }
}

/** Options inside a home address option, and its closing parenthesis; false where one does not fit. */
function printSubOptions(p: Printer, start: number, optionLen: number): boolean {
  const length = optionLen - HOME_ADDRESS_LEN;
  for (let i = 0; i < length; ) {
    const type = p.u8(start + i);
    if (type !== OPTION.pad1 && i + 1 >= length) return false;
    const subLen = type === OPTION.pad1 ? 1 : p.u8(start + i + 1) + 2;
    if (i + subLen > length) return false;
    if (type === OPTION.pad1) p.print(', pad1');
    else if (type === OPTION.padN) p.print(', padn');
    else p.print(`, sopt_type 0x${hex(type, 2)}: len=${subLen - 2}`);
    i += subLen;
  }
  p.print(')');
  return true;
}

/** Takes the payload length from the first valid jumbo option. */
function readJumbo(p: Printer, value: number, isRepeated: boolean, jumbo: Jumbo | undefined): void {
  let remark = '';
  if (isRepeated) remark = ' - already seen';
  else if (jumbo === undefined) remark = ' - not a hop-by-hop option';
  else if (jumbo.payloadLen !== 0) remark = ' - payload len != 0';
  else if (value < 0x10000) remark = ' - < 65536';
  else {
    jumbo.isFound = true;
    jumbo.payloadLen = value;
  }
  if (p.verbose > 0) p.print(`(jumbo: ${value}${remark}) `);
}
