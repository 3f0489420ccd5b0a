/** Multicast listener discovery, versions 1 and 2 (RFC 2710, RFC 3810). */
import type { Printer } from './printer.js';

const MLD1_LEN = 24;
const MLD2_QUERY_LEN = 28;
const RECORD_LEN = 20;
const ADDRESS_LEN = 16;

/** Record types; IGMPv3 has the same ones. */
export const recordNames = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

/** Query, report or done of version 1. */
export function printMld(p: Printer, at: number): void {
  if (!p.has(at, MLD1_LEN)) return;
  p.print(`max resp delay: ${p.u16(at + 4)} addr: ${p.ipv6(at + 8)}`);
}

export function printListenerQuery(p: Printer, at: number, length: number): void {
  if (length === MLD1_LEN) printMld(p, at);
  else if (length < MLD2_QUERY_LEN) p.print(` unknown-version (len ${length}) `);
  else {
    p.print(' v2');
    printQuery2(p, at, length);
  }
}

function printQuery2(p: Printer, at: number, length: number): void {
  const code = p.u16(at + 4);
  if (p.verbose > 0) {
    const delay = code < 0x8000 ? code : ((code & 0xfff) | 0x1000) << (((code >> 12) & 7) + 3);
    p.print(` [max resp delay=${delay}]`);
  }
  p.print(` [gaddr ${p.ipv6(at + 8)}`);
  if (p.verbose > 0) printQuerier(p, at + 24);
  const sources = p.u16(at + 26);
  if (sources > 0) {
    if (length < MLD2_QUERY_LEN + sources * ADDRESS_LEN) p.print(' [invalid number of sources]');
    else if (p.verbose > 1) printSources(p, at + MLD2_QUERY_LEN, sources);
    else p.print(`, ${sources} source(s)`);
  }
  p.print(']');
}

function printQuerier(p: Printer, at: number): void {
  const flags = p.u8(at);
  if (flags & 0x08) p.print(' sflag');
  if (flags & 0x07) p.print(` robustness=${flags & 0x07}`);
  const code = p.u8(at + 1);
  const interval = code < 128 ? code : ((code & 0x0f) | 0x10) << (((code >> 4) & 7) + 3);
  p.print(` qqi=${interval}`);
}

function printSources(p: Printer, at: number, sources: number): void {
  p.print(' {');
  for (let i = 0; i < sources; i++) p.print(` ${p.ipv6(at + i * ADDRESS_LEN)}`);
  p.print(' }');
}

/** The report of version 2. Without -v only the number of its records. */
export function printListenerReport(p: Printer, at: number, length: number): void {
  if (length < 8) {
    p.print(` [invalid len ${length}]`);
    return;
  }
  const records = p.u16(at + 6);
  p.print(`, ${records} group record(s)`);
  if (p.verbose === 0) return;
  let record = 8;
  for (let i = 0; i < records; i++) {
    if (length < record + RECORD_LEN) {
      p.print(' [invalid number of groups]');
      return;
    }
    const sources = printRecord(p, at + record, length - record);
    if (sources < 0) return;
    record += RECORD_LEN + sources * ADDRESS_LEN;
  }
}

/** The number of sources, or -1 where they do not fit. */
function printRecord(p: Printer, at: number, left: number): number {
  p.print(` [gaddr ${p.ipv6(at + 4)}`);
  const type = p.u8(at);
  p.print(` ${recordNames[type] || ` [v2-report-#${type}]`}`);
  const sources = p.u16(at + 2);
  if (left < RECORD_LEN + sources * ADDRESS_LEN) {
    p.print(` [invalid number of sources ${sources}]`);
    return -1;
  }
  if (p.verbose === 1) p.print(`, ${sources} source(s)`);
  else printSources(p, at + RECORD_LEN, sources);
  p.print(']');
  return sources;
}
