/** SCTP packets and their chunks. Parameters and user data are not decoded. */
import { endpointsText } from './endpoints.js';
import type { Printer } from './printer.js';

const HEADER_LEN = 12;
const CHUNK_HEADER_LEN = 4;

const chunkNames = new Map<number, string>([
  [0x00, 'DATA'],
  [0x01, 'INIT'],
  [0x02, 'INIT ACK'],
  [0x03, 'SACK'],
  [0x04, 'HB REQ'],
  [0x05, 'HB ACK'],
  [0x06, 'ABORT'],
  [0x07, 'SHUTDOWN'],
  [0x08, 'SHUTDOWN ACK'],
  [0x09, 'OP ERR'],
  [0x0a, 'COOKIE ECHO'],
  [0x0b, 'COOKIE ACK'],
  [0x0c, 'ECN ECHO'],
  [0x0d, 'ECN CWR'],
  [0x0e, 'SHUTDOWN COMPLETE'],
  [0xc0, 'FOR CUM TSN'],
  [0xc1, 'REL CTRL'],
  [0xc2, 'REL CTRL ACK'],
]);

/** Payload protocol identifiers 1 to 25 and 27. */
const payloadNames = [
  '',
  'ISDN Q.921',
  'M2UA',
  'M3UA',
  'SUA',
  'M2PA',
  'V5.2',
  'H.248',
  'BICC',
  'TALI',
  'DUA',
  'ASAP',
  'ENRP',
  'H.323',
  'Q.IPC',
  'SIMCO',
  'DDPSC',
  'DDPSSC',
  'S1AP',
  'RUA',
  'HNBAP',
  'ForCES HP',
  'ForCES MP',
  'ForCES LP',
  'SBc-AP',
  'NBAP',
  '',
  'X2AP',
];

/** Ports of ForCES, the one user of SCTP that tcpdump names by port. */
const forcesPorts = new Map<number, string>([
  [6704, 'ForCES HP'],
  [6705, 'ForCES MP'],
  [6706, 'ForCES LP'],
]);

export function printSctp(p: Printer, start: number, length: number, ip: number): void {
  p.protocol = 'sctp';
  if (length < HEADER_LEN) {
    p.print(`truncated-sctp - ${HEADER_LEN - length} bytes missing!`);
    return;
  }
  if (!p.has(start, HEADER_LEN)) {
    p.markTruncated();
    return;
  }
  const ports = [p.u16(start), p.u16(start + 2)] as const;
  p.print(`${endpointsText(p, ip, start)}sctp`);
  for (const port of ports) if (forcesPorts.has(port)) p.print(`[${forcesPorts.get(port)}]`);
  let at = start + HEADER_LEN;
  let left = length - HEADER_LEN;
  for (let count = 1; left !== 0; count++) {
    const used = printChunk(p, at, left, count);
    if (used === 0) return;
    at += used;
    // tcpdump counts on below zero, as an unsigned number, when a chunk is longer than what is left.
    left = (left - used) >>> 0;
  }
}

function separator(p: Printer, count: number): string {
  if (p.verbose > 1) return '\n\t';
  return count === 1 ? ' (' : ', (';
}

/** Prints a chunk and answers how much it took with its padding; 0 where nothing can follow. */
function printChunk(p: Printer, at: number, left: number, count: number): number {
  const lead = `${separator(p, count)}${count}) `;
  if (left < CHUNK_HEADER_LEN) {
    p.print(`${lead}[chunk descriptor cut off at end of packet]`);
    return 0;
  }
  if (!p.has(at, CHUNK_HEADER_LEN)) {
    p.markTruncated();
    return 0;
  }
  const chunkLen = p.u16(at + 2);
  if (chunkLen < CHUNK_HEADER_LEN) {
    p.print(`${lead}[Bad chunk length ${chunkLen}, < size of chunk descriptor]`);
    return 0;
  }
  const padding = -chunkLen & 3;
  if (left < padding) {
    p.print(`${lead}[Bad chunk length ${chunkLen}, > remaining data in packet]`);
    return 0;
  }
  if (!p.has(at, chunkLen)) {
    p.markTruncated();
    return 0;
  }
  const type = p.u8(at);
  p.print(`${lead}[${chunkNames.get(type) ?? `Unknown chunk type: 0x${type.toString(16)}`}] `);
  if (!printBody(p, at, type, chunkLen)) {
    p.print(`bogus chunk length ${chunkLen}]`);
    return 0;
  }
  if (!p.has(at + chunkLen, padding)) {
    p.markTruncated();
    return 0;
  }
  return chunkLen + padding;
}

/** False where the chunk is too short for its type. */
function printBody(p: Printer, at: number, type: number, chunkLen: number): boolean {
  switch (type) {
    case 0:
      return printData(p, at, chunkLen);
    case 1:
    case 2:
      if (chunkLen < 20) return false;
      p.print(`[init tag: ${p.u32(at + 4)}] [rwnd: ${p.u32(at + 8)}] [OS: ${p.u16(at + 12)}] `);
      p.print(`[MIS: ${p.u16(at + 14)}] [init TSN: ${p.u32(at + 16)}] `);
      return true;
    case 3:
      return printSack(p, at, chunkLen);
    default:
      return true;
  }
}

function printData(p: Printer, at: number, chunkLen: number): boolean {
  const flags = p.u8(at + 1);
  const flagsText = `${flags & 4 ? '(U)' : ''}${flags & 2 ? '(B)' : ''}${flags & 1 ? '(E)' : ''}`;
  if (flagsText !== '') p.print(`${flagsText} `);
  if (chunkLen < 16) return false;
  const payload = p.u32(at + 12);
  p.print(`[TSN: ${p.u32(at + 4)}] [SID: ${p.u16(at + 8)}] [SSEQ ${p.u16(at + 10)}] `);
  p.print(`[PPID ${payloadNames[payload] || `0x${payload.toString(16)}`}] `);
  if (chunkLen === 16) return false;
  if (p.verbose > 1) p.print('[Payload]');
  return true;
}

function printSack(p: Printer, at: number, chunkLen: number): boolean {
  if (chunkLen < 16) return false;
  const cumulative = p.u32(at + 4);
  const gaps = p.u16(at + 12);
  const duplicates = p.u16(at + 14);
  p.print(`[cum ack ${cumulative}] [a_rwnd ${p.u32(at + 8)}] [#gap acks ${gaps}] [#dup tsns ${duplicates}] `);
  const end = at + chunkLen;
  let next = at + 16;
  for (let i = 1; i <= gaps && next < end; i++, next += 4) {
    if (end - next < 4) return false;
    const first = (cumulative + p.u16(next)) >>> 0;
    const last = (cumulative + p.u16(next + 2)) >>> 0;
    p.print(`\n\t\t[gap ack block #${i}: start = ${first}, end = ${last}] `);
  }
  for (let i = 1; i <= duplicates && next < end; i++, next += 4) {
    if (end - next < 4) return false;
    p.print(`\n\t\t[dup TSN #${i}: ${p.u32(next)}] `);
  }
  return true;
}
