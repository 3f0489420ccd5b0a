/** ICMP for IPv6: errors, echo, and the way to neighbour discovery and multicast listeners. */
import { hex } from './bytes.js';
import { rightChecksum } from './checksum.js';
import { printListenerQuery, printListenerReport, printMld } from './mld.js';
import { IP_PROTOCOL } from './names.js';
import { isDiscovery, printDiscovery } from './neighbour.js';
import type { Printer } from './printer.js';
import { transportChecksum } from './pseudo-header.js';

const TYPE = {
  unreachable: 1,
  tooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echoRequest: 128,
  echoReply: 129,
  listenerQuery: 130,
  listenerReport: 131,
  listenerDone: 132,
  listenerReport2: 143,
  homeAgentRequest: 144,
  mobilePrefixSolicitation: 146,
} as const;

const typeNames = new Map<number, string>([
  [1, 'destination unreachable'],
  [2, 'packet too big'],
  [3, 'time exceeded in-transit'],
  [4, 'parameter problem'],
  [128, 'echo request'],
  [129, 'echo reply'],
  [130, 'multicast listener query'],
  [131, 'multicast listener report'],
  [132, 'multicast listener done'],
  [133, 'router solicitation'],
  [134, 'router advertisement'],
  [135, 'neighbor solicitation'],
  [136, 'neighbor advertisement'],
  [137, 'redirect'],
  [138, 'router renumbering'],
  [139, 'who-are-you request'],
  [140, 'who-are-you reply'],
  [141, 'inverse neighbor solicitation'],
  [142, 'inverse neighbor advertisement'],
  [143, 'multicast listener report v2'],
  [144, 'ha discovery request'],
  [145, 'ha discovery reply'],
  [146, 'mobile router solicitation'],
  [147, 'mobile router advertisement'],
  [155, 'RPL'],
  [200, 'mtrace response'],
  [201, 'mtrace message'],
]);

/** Types that tcpdump names but does not decode: their length is said at once. */
const notDecoded = new Set([200, 201]);

/** Where the packet that an error is about begins, behind the ICMPv6 header. */
const HEADER_LEN = 8;

export function printIcmp6(p: Printer, at: number, length: number, ip: number, isFragmented: boolean): void {
  p.protocol = 'icmp6';
  if (length === 0) {
    p.print('ICMP6, length 0');
    p.markInvalid();
    return;
  }
  if (p.verbose > 0 && !isFragmented) printChecksum(p, at, length, ip);
  const type = p.u8(at);
  const name = typeNames.get(type);
  p.print(`ICMP6, ${name ?? `unknown icmp6 type (${type})`}`);
  if (p.verbose > 0 && (isDiscovery(type) || type === 145 || type === 147)) p.print(`, length ${length}`);
  const code = p.u8(at + 1);
  if (name === undefined || notDecoded.has(type)) {
    p.print(`, length ${length}`);
    return;
  }
  if (!printBody(p, at, length, type, code)) p.markTruncated();
  else if (p.verbose === 0 && !isUnknownUnreachable(type, code)) p.print(`, length ${length}`);
}

/** Of an unreachable code that it does not know, tcpdump says no length: it dumps the bytes. */
function isUnknownUnreachable(type: number, code: number): boolean {
  return type === TYPE.unreachable && code > 4;
}

function printChecksum(p: Printer, at: number, length: number, ip: number): void {
  if (!p.has(at, length)) return;
  const field = p.u16(at + 2);
  const sum = transportChecksum(p, ip, at, length, IP_PROTOCOL.icmp6);
  if (sum === 0) p.print('[icmp6 sum ok] ');
  else {
    const right = hex(rightChecksum(field, sum), 4);
    p.print(`[bad icmp6 cksum 0x${hex(field, 4)} -> 0x${right}!] `);
  }
}

/** False where the body is cut off. */
function printBody(p: Printer, at: number, length: number, type: number, code: number): boolean {
  if (isDiscovery(type)) return printDiscovery(p, at, length, type);
  switch (type) {
    case TYPE.unreachable:
      return printUnreachable(p, at, code);
    case TYPE.tooBig:
      p.print(`, mtu ${p.u32(at + 4)}`);
      return true;
    case TYPE.timeExceeded:
      if (code === 0) p.print(` for ${p.ipv6(at + HEADER_LEN + 24)}`);
      else p.print(code === 1 ? ' (reassembly)' : `, unknown code (${code})`);
      return true;
    case TYPE.parameterProblem:
      return printParameterProblem(p, at, code);
    case TYPE.echoRequest:
    case TYPE.echoReply:
      p.print(`, id ${p.u16(at + 4)}, seq ${p.u16(at + 6)}`);
      return true;
    case TYPE.listenerQuery:
      printListenerQuery(p, at, length);
      return true;
    case TYPE.listenerReport:
    case TYPE.listenerDone:
      printMld(p, at);
      return true;
    case TYPE.listenerReport2:
      printListenerReport(p, at, length);
      return true;
    case TYPE.homeAgentRequest:
    case TYPE.mobilePrefixSolicitation:
      p.print(`, id 0x${hex(p.u16(at + 4), 4)}`);
      return true;
    default:
      return true;
  }
}

const unreachableNames = [
  'unreachable route',
  ' unreachable prohibited',
  'beyond scope',
  'unreachable address',
  'unreachable port',
];
const BEYOND_SCOPE = 2;
const PORT = 4;

function printUnreachable(p: Printer, at: number, code: number): boolean {
  p.print(`, ${unreachableNames[code] ?? `unknown unreach code (${code})`}`);
  const quoted = at + HEADER_LEN;
  if (code === PORT) return printPort(p, quoted);
  if (code > PORT) return true;
  const destination = p.ipv6(quoted + 24);
  const source = code === BEYOND_SCOPE ? `, source address ${p.ipv6(quoted + 8)}` : '';
  p.print(` ${destination}${source}`);
  return true;
}

/** The port that nobody listens on, from the transport header of the quoted packet. */
function printPort(p: Printer, quoted: number): boolean {
  if (!p.has(quoted + 6, 1)) return false;
  let next = p.u8(quoted + 6);
  let at = quoted + 40;
  while (next !== IP_PROTOCOL.udp && next !== IP_PROTOCOL.tcp) {
    if (!p.has(at, 4)) return false;
    let headerLen = (p.u8(at + 1) + 1) * 8;
    if (next === IP_PROTOCOL.fragment) {
      if ((p.u16(at + 2) & 0xfff8) !== 0) return false;
      headerLen = 8;
    } else if (next === IP_PROTOCOL.ah) headerLen = (p.u8(at + 1) + 2) * 4;
    else if (
      next !== IP_PROTOCOL.hopByHop &&
      next !== IP_PROTOCOL.destinationOptions &&
      next !== IP_PROTOCOL.routing
    ) {
      return false;
    }
    next = p.u8(at);
    at += headerLen;
  }
  if (!p.has(at, 4)) return false;
  const name = next === IP_PROTOCOL.tcp ? 'tcp' : 'udp';
  p.print(`, ${p.ipv6(quoted + 24)} ${name} port ${p.u16(at + 2)}`);
  return true;
}

const parameterProblems = ['erroneous', 'next header', 'option', 'incomplete header chain'];

function printParameterProblem(p: Printer, at: number, code: number): boolean {
  if (!p.has(at + HEADER_LEN + 24, 16)) return false;
  const problem = parameterProblems[code];
  p.print(problem === undefined ? `, code-#${code}` : `, ${problem} - octet ${p.u32(at + 4)}`);
  return true;
}
