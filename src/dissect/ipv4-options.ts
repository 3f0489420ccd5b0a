/** IPv4 header options, for -v. */
import type { Printer } from './printer.js';

const OPTION = {
  end: 0,
  nop: 1,
  recordRoute: 7,
  timestamp: 68,
  looseRoute: 131,
  strictRoute: 137,
  alert: 148,
} as const;

const optionNames = new Map<number, string>([
  [0, 'EOL'],
  [1, 'NOP'],
  [7, 'RR'],
  [68, 'timestamp'],
  [82, 'traceroute'],
  [130, 'security'],
  [131, 'LSRR'],
  [137, 'SSRR'],
  [148, 'RA'],
]);

/** False where the capture ends inside an option. */
export function printIpv4Options(p: Printer, start: number, length: number): boolean {
  let at = start;
  let rest = length;
  while (rest > 0) {
    if (at !== start) p.print(',');
    const code = p.u8(at);
    p.print(optionNames.get(code) ?? `unknown ${code}`);
    const optionLen = code === OPTION.nop || code === OPTION.end ? 1 : p.u8(at + 1);
    const isTooShort = optionLen < 2 && code !== OPTION.nop && code !== OPTION.end;
    if (isTooShort || optionLen > rest) {
      p.print(` [bad length ${optionLen}]`);
      return true;
    }
    if (!p.has(at, optionLen)) return false;
    if (code === OPTION.end) return true;
    if (!printOption(p, code, at, optionLen)) return false;
    at += optionLen;
    rest -= optionLen;
  }
  return true;
}

function printOption(p: Printer, code: number, at: number, length: number): boolean {
  switch (code) {
    case OPTION.timestamp:
      return printTimestamps(p, at, length);
    case OPTION.recordRoute:
    case OPTION.looseRoute:
    case OPTION.strictRoute:
      return printRoute(p, at, length);
    case OPTION.alert:
      if (length < 4) p.print(` [bad length ${length}]`);
      else if (p.u16(at + 2) !== 0) p.print(` value ${p.u16(at + 2)}`);
      return true;
    default:
      return true;
  }
}

/** Addresses before the pointer are visited already: a comma follows them. */
function printRoute(p: Printer, at: number, length: number): boolean {
  if (length < 3) {
    p.print(` [bad length ${length}]`);
    return true;
  }
  if ((length + 1) & 3) p.print(` [bad length ${length}]`);
  // As unsigned, so that a pointer of 0 is beyond every end.
  const pointer = (p.u8(at + 2) - 1) >>> 0;
  if (pointer < 3 || (pointer + 1) & 3 || pointer > length + 1) p.print(` [bad ptr ${p.u8(at + 2)}]`);
  for (let i = 3; i < length; i += 4) {
    if (!p.has(at + i, 4)) return false;
    p.print(` ${p.ipv4(at + i)}${pointer > i ? ',' : ''}`);
  }
  return true;
}

const stampKinds = ['TSONLY', 'TS+ADDR', undefined, 'PRESPEC'];

function printTimestamps(p: Printer, at: number, length: number): boolean {
  if (length < 4) {
    p.print(`[bad length ${length}]`);
    return true;
  }
  p.print(' TS{');
  const kind = p.u8(at + 3) & 15;
  const entryLen = kind === 0 ? 4 : 8;
  if ((length - 4) & (entryLen - 1)) p.print(`[bad length ${length}]`);
  const pointer = (p.u8(at + 2) - 1) >>> 0;
  if (pointer < 4 || (pointer - 4) & (entryLen - 1) || pointer > length + 1)
    p.print(`[bad ptr ${p.u8(at + 2)}]`);
  const kindName = stampKinds[kind];
  p.print(kindName ?? `[bad ts type ${kind}]`);
  const reached = kindName === undefined ? 0 : printEntries(p, at, length, entryLen, pointer);
  if (reached < 0) return false;
  if (pointer === reached) p.print(' ^ ');
  const overflow = p.u8(at + 3) >> 4;
  p.print(overflow === 0 ? '}' : ` [${overflow} hops not recorded]} `);
  return true;
}

/** Where the entries ended; -1 where the capture did. */
function printEntries(p: Printer, at: number, length: number, entryLen: number, pointer: number): number {
  let i = 4;
  for (; i < length; i += entryLen) {
    if (!p.has(at + i, entryLen)) return -1;
    const address = entryLen === 8 ? p.ipv4(at + i) : '';
    p.print(`${pointer === i ? ' ^ ' : ' '}${p.u32(at + i + entryLen - 4)}@${address}`);
  }
  return i;
}
