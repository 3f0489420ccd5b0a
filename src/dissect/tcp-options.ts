/** TCP options. */

import { hex, i32, u32Text } from './bytes.js';
import { printMptcp } from './mptcp.js';
import type { Printer } from './printer.js';

const OPTION = {
  end: 0,
  nop: 1,
  maxSegment: 2,
  windowScale: 3,
  sackPermitted: 4,
  sack: 5,
  echo: 6,
  echoReply: 7,
  timestamp: 8,
  cc: 11,
  ccNew: 12,
  ccEcho: 13,
  md5: 19,
  scps: 20,
  userTimeout: 28,
  authentication: 29,
  mptcp: 30,
  fastOpen: 34,
  experiment: 254,
} as const;

/** Names by kind; an array, because every segment looks some up. */
const optionNames: readonly string[] = (() => {
  const names = Array.from({ length: 256 }, (_, kind) => `unknown-${kind}`);
  const known: readonly (readonly [number, string])[] = [
    [0, 'eol'],
    [1, 'nop'],
    [2, 'mss'],
    [3, 'wscale'],
    [4, 'sackOK'],
    [5, 'sack'],
    [6, 'echo'],
    [7, 'echoreply'],
    [8, 'TS'],
    [11, 'cc'],
    [12, 'ccnew'],
    [13, ''],
    [19, 'md5'],
    [20, 'scps'],
    [28, 'uto'],
    [29, 'tcp-ao'],
    [30, 'mptcp'],
    [34, 'tfo'],
    [254, 'exp'],
  ];
  for (const [kind, name] of known) names[kind] = name;
  return names;
})();

const MD5_LEN = 16;
const FAST_OPEN_MAGIC = 0xf989;

/** What became of an option. Whole is 0, so that checks chain with `||`. */
const WHOLE = 0;
const BAD = 1;
const CUT = 2;
type Outcome = typeof WHOLE | typeof BAD | typeof CUT;

/** What the printers of single options need besides the place. */
interface Segment {
  flags: number;
  sackBase: number;
  /** Where the payload ends by the IP header's length. */
  payloadEnd: number;
}

const segment: Segment = { flags: 0, sackBase: 0, payloadEnd: 0 };

/** Prints ", options [...]". False where they are bad or cut off: then nothing of the segment follows. */
export function printTcpOptions(
  p: Printer,
  start: number,
  length: number,
  flags: number,
  sackBase: number,
  payloadEnd: number,
): boolean {
  segment.flags = flags;
  segment.sackBase = sackBase;
  segment.payloadEnd = payloadEnd;
  if (length === 12 && isTimestampOnly(p, start)) {
    p.print(`, options [nop,nop,TS${timestampText(p, start + 4)}]`);
    return true;
  }
  p.print(', options [');
  let at = start;
  const end = start + length;
  while (at < end) {
    if (at > start) p.print(',');
    const kind = p.u8(at);
    const isSingle = kind === OPTION.end || kind === OPTION.nop;
    const optionLen = isSingle ? 1 : p.u8(at + 1);
    const isBad = !isSingle && (optionLen < 2 || optionLen > end - at);
    const outcome = isBad ? BAD : printOption(p, kind, at, optionLen, end - at);
    if (outcome !== WHOLE) {
      endEarly(p, outcome, at === start);
      return false;
    }
    at += isSingle ? 1 : 2 + consumed;
    const isOtherLen = !isSingle && consumed + 2 !== optionLen;
    if (isOtherLen) p.print(`[len ${optionLen}]`);
    if (kind === OPTION.end) break;
  }
  p.print(']');
  return true;
}

/** What Linux puts into every segment after the handshake: two nops and a timestamp. */
function isTimestampOnly(p: Printer, at: number): boolean {
  return p.has(at, 12) && i32(p.bytes, at) === 0x0101080a;
}

function endEarly(p: Printer, outcome: Outcome, isFirst: boolean): void {
  if (outcome === BAD) p.print(isFirst ? '[bad opt]' : '[bad opt]]');
  else {
    p.markTruncated();
    if (!isFirst) p.print('>');
  }
}

/** Bytes of data that the last option had by its kind; its length byte may say otherwise. */
let consumed = 0;

function printOption(p: Printer, kind: number, at: number, optionLen: number, left: number): Outcome {
  p.print(optionNames[kind]!);
  const data = at + 2;
  const dataLen = optionLen - 2;
  switch (kind) {
    case OPTION.end:
    case OPTION.nop:
    case OPTION.sackPermitted:
      consumed = 0;
      return WHOLE;
    case OPTION.maxSegment:
      return fixed(p, data, 2, left) || say(p, ` ${p.u16(data)}`);
    case OPTION.windowScale:
      return fixed(p, data, 1, left) || say(p, ` ${p.u8(data)}`);
    case OPTION.timestamp:
      return fixed(p, data, 8, left) || say(p, timestampText(p, data));
    case OPTION.sack:
      return printSack(p, data, dataLen);
    case OPTION.cc:
    case OPTION.ccNew:
    case OPTION.ccEcho:
    case OPTION.echo:
    case OPTION.echoReply:
      return fixed(p, data, 4, left) || say(p, ` ${p.u32(data)}`);
    default:
      return printRareOption(p, kind, at, optionLen, left);
  }
}

function printRareOption(p: Printer, kind: number, at: number, optionLen: number, left: number): Outcome {
  const data = at + 2;
  const dataLen = optionLen - 2;
  switch (kind) {
    case OPTION.md5:
      return fixed(p, data, MD5_LEN, left) || say(p, md5Text(p, data));
    case OPTION.scps:
      return fixed(p, data, 2, left) || say(p, ` cap ${p.hexBytes(data, 1)} id ${p.u8(data + 1)}`);
    case OPTION.userTimeout:
      return fixed(p, data, 2, left) || say(p, userTimeoutText(p.u16(data)));
    case OPTION.authentication:
      return printAuthentication(p, data, dataLen);
    case OPTION.mptcp:
      consumed = dataLen;
      if (!p.has(data, dataLen)) return CUT;
      return printMptcp(p, at, optionLen, segment.flags) ? WHOLE : BAD;
    case OPTION.fastOpen:
      return fixed(p, data, dataLen, left) || say(p, ` ${fastOpenText(p, data, dataLen)}`);
    case OPTION.experiment:
      return fixed(p, data, dataLen, left) || printExperiment(p, data, dataLen);
    default:
      return printUnknown(p, data, dataLen);
  }
}

/** Whether `len` bytes of data are there: 0 (whole) if so, and the value to answer with if not. */
function fixed(p: Printer, data: number, len: number, left: number): Outcome {
  consumed = len;
  if (len > left - 2) return BAD;
  return p.has(data, len) ? WHOLE : CUT;
}

function say(p: Printer, text: string): Outcome {
  p.print(text);
  return WHOLE;
}

function timestampText(p: Printer, data: number): string {
  return ` val ${u32Text(p.u32(data))} ecr ${u32Text(p.u32(data + 4))}`;
}

function printSack(p: Printer, data: number, dataLen: number): Outcome {
  consumed = dataLen;
  if (dataLen % 8 !== 0) return say(p, ' invalid sack');
  p.print(` ${dataLen / 8} `);
  for (let i = 0; i < dataLen; i += 8) {
    if (!p.has(data + i, 8)) return CUT;
    const left = (p.u32(data + i) - segment.sackBase) >>> 0;
    const right = (p.u32(data + i + 4) - segment.sackBase) >>> 0;
    p.print(`{${u32Text(left)}:${u32Text(right)}}`);
  }
  return WHOLE;
}

/** tcpdump checks the digest where it was given the key; here nobody has it. */
function md5Text(p: Printer, data: number): string {
  const reason = segment.payloadEnd > p.end ? 'snaplen too short, ' : 'shared secret not supplied with -M, ';
  return ` ${reason}can't check - ${p.hexBytes(data, MD5_LEN)}`;
}

function userTimeoutText(value: number): string {
  const seconds = value & 1 ? (value >> 1) * 60 : value >> 1;
  return ` 0x${value.toString(16)} ${seconds}`;
}

function printAuthentication(p: Printer, data: number, dataLen: number): Outcome {
  consumed = dataLen;
  if (dataLen < 2) {
    p.markInvalid();
    return WHOLE;
  }
  if (!p.has(data, 1)) return CUT;
  p.print(` keyid ${p.u8(data)}`);
  if (!p.has(data, 2)) return CUT;
  p.print(` rnextkeyid ${p.u8(data + 1)}`);
  if (dataLen === 2) return WHOLE;
  p.print(' mac 0x');
  return printHex(p, data + 2, dataLen - 2);
}

function fastOpenText(p: Printer, data: number, dataLen: number): string {
  if (dataLen === 0) return ' cookiereq';
  if (dataLen % 2 !== 0 || dataLen < 4 || dataLen > 16) return ' (invalid)';
  return ` cookie ${p.hexBytes(data, dataLen)}`;
}

/** RFC 6994: the first two bytes say which experiment. */
function printExperiment(p: Printer, data: number, dataLen: number): Outcome {
  if (dataLen < 2) return BAD;
  const magic = p.u16(data);
  if (magic === FAST_OPEN_MAGIC) return say(p, `-tfo${fastOpenText(p, data + 2, dataLen - 2)}`);
  return say(p, `-${hex(magic, 4)}`);
}

function printUnknown(p: Printer, data: number, dataLen: number): Outcome {
  consumed = dataLen;
  if (dataLen === 0) return WHOLE;
  p.print(' 0x');
  return printHex(p, data, dataLen);
}

/** Byte by byte, since tcpdump shows what there is before the cut. */
function printHex(p: Printer, at: number, len: number): Outcome {
  for (let i = 0; i < len; i++) {
    if (!p.has(at + i, 1)) return CUT;
    p.print(p.hexBytes(at + i, 1));
  }
  return WHOLE;
}
