/** ICMP for IPv4. With -v an error shows the packet that it is about. */
import { hex } from './bytes.js';
import { checksum, rightChecksum } from './checksum.js';
import { printIcmpExtensions } from './icmp-extensions.js';
import { printIpv4 } from './ipv4.js';
import { IP_PROTOCOL } from './names.js';
import type { Printer } from './printer.js';

const TYPE = {
  echoReply: 0,
  unreachable: 3,
  sourceQuench: 4,
  redirect: 5,
  echo: 8,
  routerAdvertisement: 9,
  timeExceeded: 11,
  parameterProblem: 12,
  timestamp: 13,
  timestampReply: 14,
  maskReply: 18,
} as const;

const plainNames = new Map<number, string>([
  [4, 'source quench'],
  [10, 'router solicitation'],
  [15, 'information request'],
  [16, 'information reply'],
  [17, 'address mask request'],
]);

/** The header of the packet that an error is about begins behind the ICMP header. */
const HEADER_LEN = 8;

export function printIcmp(p: Printer, at: number, length: number, isFragmented: boolean): void {
  p.protocol = 'icmp';
  const type = p.u8(at);
  const text = messageText(p, at, type, p.u8(at + 1));
  if (text === undefined) {
    p.markTruncated();
    return;
  }
  p.print(`ICMP ${text}, length ${length}`);
  if (p.verbose === 0) return;
  if (!isFragmented) printChecksum(p, at, length);
  if (isError(type)) printQuoted(p, at + HEADER_LEN);
  p.protocol = 'icmp';
  printIcmpExtensions(p, at, length, type);
}

function isError(type: number): boolean {
  return (
    type === TYPE.unreachable ||
    type === TYPE.sourceQuench ||
    type === TYPE.redirect ||
    type === TYPE.timeExceeded ||
    type === TYPE.parameterProblem
  );
}

/** Undefined where the capture ends before a field that is checked beforehand. */
function messageText(p: Printer, at: number, type: number, code: number): string | undefined {
  switch (type) {
    case TYPE.echo:
    case TYPE.echoReply:
      return `echo ${type === TYPE.echo ? 'request' : 'reply'}, id ${p.u16(at + 4)}, seq ${p.u16(at + 6)}`;
    case TYPE.unreachable:
      return unreachableText(p, at, code);
    case TYPE.redirect:
      return redirectText(p, at, code);
    case TYPE.routerAdvertisement:
      return routerAdvertisementText(p, at);
    case TYPE.timeExceeded:
      if (!p.has(at + HEADER_LEN + 16, 4)) return undefined;
      return ['time exceeded in-transit', 'ip reassembly time exceeded'][code] ?? `time exceeded-#${code}`;
    case TYPE.parameterProblem:
      return `parameter problem - ${code === 0 ? `octet ${p.u8(at + 4)}` : `code ${code}`}`;
    case TYPE.timestamp:
      return `time stamp query id ${p.u16(at + 4)} seq ${p.u16(at + 6)}`;
    case TYPE.timestampReply:
      return p.has(at + 16, 4) ? timestampReplyText(p, at) : undefined;
    case TYPE.maskReply:
      return `address mask is 0x${hex(p.u32(at + 8), 8)}`;
    default:
      return plainNames.get(type) ?? `type-#${type}`;
  }
}

/** `%` stands for the destination of the packet that could not be delivered. */
const unreachableTexts = [
  'net % unreachable',
  'host % unreachable',
  undefined,
  undefined,
  undefined,
  '% unreachable - source route failed',
  'net % unreachable - unknown',
  'host % unreachable - unknown',
  '% unreachable - source host isolated',
  'net % unreachable - admin prohibited',
  'host % unreachable - admin prohibited',
  'net % unreachable - tos prohibited',
  'host % unreachable - tos prohibited',
  'host % unreachable - admin prohibited filter',
  'host % unreachable - host precedence violation',
  'host % unreachable - precedence cutoff',
];
const PROTOCOL_UNREACHABLE = 2;
const PORT_UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;

function unreachableText(p: Printer, at: number, code: number): string | undefined {
  const quoted = at + HEADER_LEN;
  if (code === PORT_UNREACHABLE) return p.has(quoted + 9, 1) ? portText(p, quoted) : undefined;
  if (code === FRAGMENTATION_NEEDED) {
    const mtu = p.u16(at + 6);
    return `${p.ipv4(quoted + 16)} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`;
  }
  const destination = p.ipv4(quoted + 16);
  if (code === PROTOCOL_UNREACHABLE) return `${destination} protocol ${p.u8(quoted + 9)} unreachable`;
  const text = unreachableTexts[code];
  return text === undefined ? `${destination} unreachable - #${code}` : text.replace('%', destination);
}

function portText(p: Printer, quoted: number): string {
  const transport = quoted + (p.u8(quoted) & 15) * 4;
  const port = p.u16(transport + 2);
  const protocol = p.u8(quoted + 9);
  const destination = p.ipv4(quoted + 16);
  if (protocol === IP_PROTOCOL.tcp) return `${destination} tcp port ${port} unreachable`;
  if (protocol === IP_PROTOCOL.udp) return `${destination} udp port ${port} unreachable`;
  return `${destination} protocol ${protocol} port ${port} unreachable`;
}

const redirectTexts = [
  'redirect % to net ',
  'redirect % to host ',
  'redirect-tos % to net ',
  'redirect-tos % to host ',
];

function redirectText(p: Printer, at: number, code: number): string {
  const text = redirectTexts[code] ?? `redirect-#${code} % to `;
  return text.replace('%', p.ipv4(at + HEADER_LEN + 16)) + p.ipv4(at + 4);
}

/** RFC 1256. */
function routerAdvertisementText(p: Printer, at: number): string | undefined {
  if (!p.has(at + 4, 4)) return undefined;
  const count = p.u8(at + 4);
  const words = p.u8(at + 5);
  let text = `router advertisement lifetime ${lifetimeText(p.u16(at + 6))} ${count}:`;
  if (words !== 2) return `${text} [size ${words}]`;
  for (let i = 0; i < count; i++) {
    const entry = at + HEADER_LEN + i * 8;
    if (!p.has(entry, 8)) return undefined;
    text += ` {${p.ipv4(entry)} ${p.u32(entry + 4)}}`;
  }
  return text;
}

function lifetimeText(seconds: number): string {
  const two = (value: number): string => `${value}`.padStart(2, '0');
  if (seconds < 60) return `${seconds}`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
}

function timestampReplyText(p: Printer, at: number): string {
  const head = `time stamp reply id ${p.u16(at + 4)} seq ${p.u16(at + 6)}`;
  const [origin, receive, transmit] = [p.u32(at + 8), p.u32(at + 12), p.u32(at + 16)];
  return `${head}: org ${clockText(origin)}, recv ${clockText(receive)}, xmit ${clockText(transmit)}`;
}

/** Milliseconds since midnight UTC as a time of day. */
function clockText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const clock = parts.map((part) => `${part}`.padStart(2, '0')).join(':');
  return `${clock}.${`${ms % 1000}`.padStart(3, '0')}`;
}

function printChecksum(p: Printer, at: number, length: number): void {
  if (!p.has(at, length)) return;
  const sum = checksum(p.bytes, at, length);
  if (sum === 0) return;
  const field = p.u16(at + 2);
  p.print(` (wrong icmp cksum ${field.toString(16)} (->${rightChecksum(field, sum).toString(16)})!)`);
}

/** The quoted packet is followed by extensions at times, so its own length bounds it. */
function printQuoted(p: Printer, at: number): void {
  p.print('\n\t');
  const length = p.u16(at + 2);
  const end = p.end;
  p.limit(at, length);
  // A length that ends before its own field is a cut inside ICMP.
  p.need(at + 2, 2);
  printIpv4(p, at, length);
  p.end = end;
}
