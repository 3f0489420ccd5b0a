/** ARP and RARP. */
import { octetsText } from './addresses.js';
import { hex } from './bytes.js';
import { ETHERTYPE, ethertypeName } from './names.js';
import type { Printer } from './printer.js';

const HEADER_LEN = 8;
const TRAILER_ETHERTYPE = 0x1000;
const HARDWARE_ATM = 19;

const hardwareNames = new Map<number, string>([
  [1, 'Ethernet'],
  [6, 'TokenRing'],
  [7, 'ArcNet'],
  [15, 'FrameRelay'],
  [19, 'ATM'],
  [23, 'Strip'],
  [24, 'IEEE 1394'],
  [32, 'InfiniBand'],
]);

const operationNames = new Map<number, string>([
  [1, 'Request'],
  [2, 'Reply'],
  [3, 'Reverse Request'],
  [4, 'Reverse Reply'],
  [8, 'Inverse Request'],
  [9, 'Inverse Reply'],
  [10, 'NACK Reply'],
]);

/** The fields of an ARP packet, with the places of its four addresses. */
interface Arp {
  readonly protocol: number;
  readonly hardwareLen: number;
  readonly protocolLen: number;
  readonly senderHardware: number;
  readonly senderProtocol: number;
  readonly targetHardware: number;
  readonly targetProtocol: number;
}

function layOut(p: Printer, at: number): Arp {
  const hardwareLen = p.u8(at + 4);
  const protocolLen = p.u8(at + 5);
  const senderHardware = at + HEADER_LEN;
  const senderProtocol = senderHardware + hardwareLen;
  const targetHardware = senderProtocol + protocolLen;
  const targetProtocol = targetHardware + hardwareLen;
  const protocol = p.u16(at + 2);
  return {
    protocol,
    hardwareLen,
    protocolLen,
    senderHardware,
    senderProtocol,
    targetHardware,
    targetProtocol,
  };
}

export function printArp(p: Printer, at: number, length: number): void {
  p.protocol = 'arp';
  p.need(at, HEADER_LEN);
  const hardware = p.u16(at);
  if (hardware === HARDWARE_ATM) {
    // ATMARP has another layout; Linux hosts do not speak it.
    p.print(`${p.linkHeader ? '' : 'ARP, '}ATM, length ${length}`);
    return;
  }
  const arp = layOut(p, at);
  p.need(arp.targetProtocol, arp.protocolLen);
  if (!p.linkHeader) p.print('ARP, ');
  const isIpv4 = arp.protocol === ETHERTYPE.ipv4 || arp.protocol === TRAILER_ETHERTYPE;
  const isOrdinary = isIpv4 && arp.protocolLen === 4 && arp.hardwareLen !== 0;
  if (!isOrdinary || p.verbose > 0) p.print(formatText(hardware, arp));
  if (isOrdinary || p.verbose > 0) {
    if (!printOperation(p, arp, p.u16(at + 6))) return;
  }
  p.print(`, length ${length}`);
}

function formatText(hardware: number, arp: Arp): string {
  const hardwareName = hardwareNames.get(hardware) ?? `Unknown Hardware (${hardware})`;
  const protocolNumber = `0x${hex(arp.protocol, 4)}`;
  const protocolName = ethertypeName(arp.protocol) ?? `Unknown Protocol (${protocolNumber})`;
  return `${hardwareName} (len ${arp.hardwareLen}), ${protocolName} (len ${arp.protocolLen})`;
}

/** False for an operation that tcpdump only dumps. */
function printOperation(p: Printer, arp: Arp, operation: number): boolean {
  p.print(`${p.verbose > 0 ? ', ' : ''}${operationNames.get(operation) ?? `Unknown (${operation})`} `);
  const text = operationText(p, arp, operation);
  if (text === undefined) {
    p.endBeforeDump();
    return false;
  }
  p.print(text);
  return true;
}

function operationText(p: Printer, arp: Arp, operation: number): string | undefined {
  const sender = (): string => hardwareText(p, arp, arp.senderHardware);
  const target = (): string => hardwareText(p, arp, arp.targetHardware);
  switch (operation) {
    case 1: {
      const known = isAnyByteSet(p, arp.targetHardware, arp.hardwareLen) ? ` (${target()})` : '';
      const asked = ipv4Text(p, arp, arp.targetProtocol);
      return `who-has ${asked}${known} tell ${ipv4Text(p, arp, arp.senderProtocol)}`;
    }
    case 2:
      return `${ipv4Text(p, arp, arp.senderProtocol)} is-at ${sender()}`;
    case 3:
    case 8:
      return `who-is ${target()} tell ${sender()}`;
    case 4:
      return `${target()} at ${ipv4Text(p, arp, arp.targetProtocol)}`;
    case 9:
      return `${sender()} at ${ipv4Text(p, arp, arp.senderProtocol)}`;
    default:
      return undefined;
  }
}

function hardwareText(p: Printer, arp: Arp, at: number): string {
  if (arp.hardwareLen === 0) return '<empty>';
  if (arp.hardwareLen === 6) return p.mac(at);
  p.need(at, arp.hardwareLen);
  return octetsText(p.bytes, at, arp.hardwareLen);
}

function ipv4Text(p: Printer, arp: Arp, at: number): string {
  if (arp.protocol !== ETHERTYPE.ipv4 && arp.protocol !== TRAILER_ETHERTYPE) return '<wrong proto type>';
  return arp.protocolLen === 4 ? p.ipv4(at) : '<wrong len>';
}

function isAnyByteSet(p: Printer, at: number, len: number): boolean {
  for (let i = 0; i < len; i++) if (p.u8(at + i) !== 0) return true;
  return false;
}
