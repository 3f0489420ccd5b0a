/** IGMP, versions 1 to 3. */
import { checksum } from './checksum.js';
import { recordNames } from './mld.js';
import type { Printer } from './printer.js';

const TYPE = {
  query: 0x11,
  report1: 0x12,
  dvmrp: 0x13,
  pim1: 0x14,
  report2: 0x16,
  leave: 0x17,
  report3: 0x22,
} as const;
const TRACE_RESPONSE = 0x1e;
const TRACE = 0x1f;
/** The response time that a router asks for unless told otherwise, in tenths of a second. */
const USUAL_RESPONSE_TIME = 100;

export function printIgmp(p: Printer, at: number, length: number): void {
  p.protocol = 'igmp';
  if (p.quick) {
    p.print('igmp');
    return;
  }
  printMessage(p, at, length, p.u8(at));
  const canCheck = p.verbose > 0 && length >= 4 && p.has(at, length);
  if (canCheck && checksum(p.bytes, at, length) !== 0)
    p.print(` bad igmp cksum ${p.u16(at + 2).toString(16)}!`);
}

function printMessage(p: Printer, at: number, length: number, type: number): void {
  const unusual = length === 8 ? '' : ` [len ${length}]`;
  switch (type) {
    case TYPE.query:
      p.print('igmp query');
      if (length >= 12) printQuery3(p, at, length);
      else printQuery(p, at, unusual);
      break;
    case TYPE.report1:
      p.print(`igmp v1 report ${p.ipv4(at + 4)}${unusual}`);
      break;
    case TYPE.report2:
      p.print(`igmp v2 report ${p.ipv4(at + 4)}`);
      break;
    case TYPE.report3:
      p.print('igmp v3 report');
      printReport3(p, at, length);
      break;
    case TYPE.leave:
      p.print(`igmp leave ${p.ipv4(at + 4)}`);
      break;
    case TYPE.dvmrp:
      p.print(`igmp dvmrp${length < 8 ? unusual : ''}`);
      break;
    case TYPE.pim1:
      p.print('igmp pimv1');
      break;
    case TRACE_RESPONSE:
    case TRACE:
      printTrace(p, at, length, type === TRACE ? 'mtrace' : 'mresp');
      break;
    default:
      p.print(`igmp-${type}`);
  }
}

function printQuery(p: Printer, at: number, unusual: string): void {
  const responseTime = p.u8(at + 1);
  p.print(responseTime === 0 ? ' v1' : ' v2');
  if (responseTime !== 0 && responseTime !== USUAL_RESPONSE_TIME) p.print(` [max resp time ${responseTime}]`);
  if (p.u32(at + 4) !== 0) p.print(` [gaddr ${p.ipv4(at + 4)}]`);
  p.print(unusual);
}

function printQuery3(p: Printer, at: number, length: number): void {
  p.print(' v3');
  if (length & 3) {
    p.print(` [invalid len ${length}]`);
    return;
  }
  const code = p.u8(at + 1);
  if (code !== USUAL_RESPONSE_TIME) p.print(` [max resp time ${responseTimeText(code)}]`);
  if (p.u32(at + 4) === 0) return;
  p.print(` [gaddr ${p.ipv4(at + 4)}`);
  const sources = p.u16(at + 10);
  if (sources > 0) {
    if (length < 12 + sources * 4) p.print(' [invalid number of sources]');
    else if (p.verbose > 1) printSources(p, at + 12, sources);
    else p.print(`, ${sources} source(s)`);
  }
  p.print(']');
}

/** From 128 on the code is a floating-point number (RFC 3376). */
function responseTimeText(code: number): string {
  const tenths = code < 128 ? code : ((code & 0x0f) | 0x10) << (((code >> 4) & 7) + 3);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.floor(tenths / 10);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.map(([value, unit]) => (value === 0 ? '' : `${value}${unit}`)).join('');
}

function printSources(p: Printer, at: number, sources: number): void {
  p.print(' {');
  for (let i = 0; i < sources; i++) p.print(` ${p.ipv4(at + i * 4)}`);
  p.print(' }');
}

function printReport3(p: Printer, at: number, length: number): void {
  if (length < 16 || length & 3) {
    p.print(` [invalid len ${length}]`);
    return;
  }
  const records = p.u16(at + 6);
  p.print(`, ${records} group record(s)`);
  if (p.verbose === 0) return;
  let record = 8;
  for (let i = 0; i < records; i++) {
    if (length < record + 8) {
      p.print(' [invalid number of groups]');
      return;
    }
    const sources = printRecord(p, at + record, length - record);
    if (sources < 0) return;
    record += 8 + sources * 4;
  }
}

/** The number of sources, or -1 where they do not fit. */
function printRecord(p: Printer, at: number, left: number): number {
  p.print(` [gaddr ${p.ipv4(at + 4)}`);
  const type = p.u8(at);
  p.print(` ${recordNames[type] || ` [v3-report-#${type}]`}`);
  const sources = p.u16(at + 2);
  if (left < 8 + sources * 4) {
    p.print(` [invalid number of sources ${sources}]`);
    return -1;
  }
  if (p.verbose === 1) p.print(`, ${sources} source(s)`);
  else printSources(p, at + 8, sources);
  p.print(']');
  return sources;
}

function printTrace(p: Printer, at: number, length: number, name: string): void {
  if (length < 24) {
    p.print(` [invalid len ${length}]`);
    return;
  }
  const query = at + 8;
  const id = p.u32(query + 12) & 0xffffff;
  const reply = p.ipv4(query + 8);
  p.print(`${name} ${id}: ${p.ipv4(query)} to ${p.ipv4(query + 4)} reply-to ${reply}`);
  if (p.u8(query + 8) >> 4 === 14) p.print(` with-ttl ${p.u8(query + 12)}`);
}
