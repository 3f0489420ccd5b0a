/** 802.2 LLC frames, the SNAP header that may be inside, and spanning tree. */
import { hex } from './bytes.js';
import { printIpv4 } from './ipv4.js';
import { ethertypeName } from './names.js';
import { printNetwork } from './network.js';
import type { Printer } from './printer.js';
import { printStp } from './stp.js';

const SAP = {
  null: 0x00,
  ip: 0x06,
  stp: 0x42,
  snap: 0xaa,
  ipx: 0xe0,
  netbeui: 0xf0,
  global: 0xff,
  osi: 0xfe,
} as const;
const UNNUMBERED_INFORMATION = 0x03;
const XID = 0xaf;

const sapNames = new Map<number, string>([
  [0x00, 'Null'],
  [0x02, '802.1B I'],
  [0x03, '802.1B G'],
  [0x04, 'SNA'],
  [0x06, 'IP'],
  [0x0e, 'ProWay NM'],
  [0x42, 'STP'],
  [0x4e, 'RS511'],
  [0x7e, 'ISO8208'],
  [0x8e, 'ProWay'],
  [0xaa, 'SNAP'],
  [0xe0, 'IPX'],
  [0xf0, 'NetBeui'],
  [0xfe, 'OSI'],
  [0xff, 'Global'],
]);

const commandNames = new Map<number, string>([
  [0x03, 'ui'],
  [0x0f, 'dm'],
  [0x43, 'disc'],
  [0x63, 'ua'],
  [0x6f, 'sabme'],
  [0x87, 'frmr'],
  [0xaf, 'xid'],
  [0xe3, 'test'],
]);

const supervisoryNames = ['Receiver Ready', 'Receiver not Ready', 'Reject'];

const ouiNames = new Map<number, string>([
  [0x000000, 'Ethernet'],
  [0x00000c, 'Cisco'],
  [0x00005e, 'IANA'],
  [0x0000f8, 'Cisco bridged'],
  [0x0080c2, 'Ethernet bridged'],
  [0x080007, 'Appletalk'],
]);

const ciscoPidNames = new Map<number, string>([
  [0x2000, 'CDP'],
  [0x2003, 'VTP'],
  [0x2004, 'DTP'],
  [0x010b, 'PVST'],
  [0x010c, 'VLAN Bridge'],
  [0x0111, 'UDLD'],
]);

/** @param frame where the Ethernet addresses are, if there are any */
export function printLlc(p: Printer, at: number, length: number, frame?: number): void {
  p.protocol = 'llc';
  const isUnnumbered = p.left(at) >= 3 && length >= 3 && (p.u8(at + 2) & 3) === 3;
  const headerLen = isUnnumbered ? 3 : 4;
  if (p.left(at) < headerLen || length < headerLen) {
    p.markTruncated();
    return;
  }
  const destination = p.u8(at);
  const source = p.u8(at + 1);
  const control = isUnnumbered ? p.u8(at + 2) : p.u8(at + 2) | (p.u8(at + 3) << 8);
  if (source === SAP.global && destination === SAP.global) {
    p.print(`${p.linkHeader ? 'IPX 802.3: ' : ''}IPX, length ${length}`);
    return;
  }
  if (p.linkHeader) p.print(headerText(destination, source, control, isUnnumbered));
  const rest = length - headerLen;
  const sap = source & ~1;
  const isInformation = control === UNNUMBERED_INFORMATION && sap === (destination & ~1);
  if (isInformation && printPayload(p, sap, at + headerLen, rest, frame)) return;
  if (!p.linkHeader) p.print(sapsText(p, source & ~1, destination & ~1, frame));
  if (isUnnumbered) printUnnumbered(p, at + headerLen, length, source, control);
  else printNumbered(p, length, source, control);
}

function headerText(destination: number, source: number, control: number, isUnnumbered: boolean): string {
  const group = destination & 1 ? 'Group' : 'Individual';
  const response = source & 1 ? 'Response' : 'Command';
  const dsap = `dsap ${sapNames.get(destination & ~1) ?? 'Unknown'} (0x${hex(destination & ~1, 2)}) ${group}`;
  const ssap = `ssap ${sapNames.get(source & ~1) ?? 'Unknown'} (0x${hex(source & ~1, 2)}) ${response}`;
  return `LLC, ${dsap}, ${ssap}, ctrl 0x${hex(control, isUnnumbered ? 2 : 4)}: `;
}

/** False where the payload is not known by its service access point. */
function printPayload(p: Printer, sap: number, at: number, length: number, frame?: number): boolean {
  switch (sap) {
    case SAP.snap:
      printSnap(p, at, length, frame);
      return true;
    case SAP.stp:
      printStp(p, at, length);
      return true;
    case SAP.ip:
      printIpv4(p, at, length);
      return true;
    case SAP.ipx:
      p.print(`${p.linkHeader ? 'IPX 802.2: ' : ''}IPX, length ${length}`);
      return true;
    case SAP.netbeui:
      p.print(`NetBeui, length ${length}`);
      return true;
    case SAP.osi:
      p.print(`OSI, length ${length}`);
      return true;
    default:
      return false;
  }
}

function sapsText(p: Printer, source: number, destination: number, frame: number | undefined): string {
  const dsap = sapNames.get(destination) ?? `Unknown DSAP 0x${hex(destination, 2)}`;
  const ssap = sapNames.get(source) ?? `Unknown SSAP 0x${hex(source, 2)}`;
  if (frame === undefined) return source === destination ? `${dsap} ` : `${ssap} > ${dsap} `;
  const from = p.mac(frame + 6);
  const to = p.mac(frame);
  return source === destination ? `${from} > ${to} ${dsap} ` : `${from} ${ssap} > ${to} ${dsap} `;
}

function flagText(source: number, isPoll: boolean): string {
  if (isPoll) return source & 1 ? 'Final' : 'Poll';
  return source & 1 ? 'Response' : 'Command';
}

function printUnnumbered(p: Printer, at: number, length: number, source: number, control: number): void {
  const command = commandNames.get(control & 0xef) ?? hex(control & 0xef, 2);
  p.print(`Unnumbered, ${command}, Flags [${flagText(source, (control & 0x10) !== 0)}], length ${length}`);
  if ((control & ~0x10) !== XID || length === 3) return;
  if (p.left(at) < 1) p.markTruncated();
  else if (p.u8(at) === 0x81) {
    if (p.left(at) < 3 || length < 6) p.markTruncated();
    else p.print(`: ${hex(p.u8(at + 1), 2)} ${hex(p.u8(at + 2), 2)}`);
  }
}

function printNumbered(p: Printer, length: number, source: number, control: number): void {
  const received = `rcv seq ${(control >> 9) & 0x7f}`;
  const tail = `Flags [${flagText(source, (control & 0x100) !== 0)}], length ${length}`;
  if ((control & 1) === 0) {
    p.print(`Information, send seq ${(control >> 1) & 0x7f}, ${received}, ${tail}`);
    return;
  }
  p.print(`Supervisory, ${supervisoryNames[(control >> 2) & 3] ?? '?'}, ${received}, ${tail}`);
}

function printSnap(p: Printer, at: number, length: number, frame: number | undefined): void {
  p.protocol = 'snap';
  if (p.left(at) < 5 || length < 5) {
    p.markTruncated();
    return;
  }
  const oui = (p.u16(at) << 8) | p.u8(at + 2);
  const pid = p.u16(at + 3);
  const rest = length - 5;
  if (p.linkHeader) {
    p.print(
      `oui ${ouiNames.get(oui) ?? 'Unknown'} (0x${hex(oui, 6)}), ${pidText(oui, pid)}, length ${rest}: `,
    );
  }
  if ((oui === 0x000000 || oui === 0x0000f8) && printNetwork(p, pid, at + 5, rest)) return;
  if (oui === 0x00000c && printCisco(p, pid, at + 5, rest)) return;
  if (!p.linkHeader) {
    if (frame !== undefined) p.print(`${p.mac(frame + 6)} > ${p.mac(frame)} `);
    const ouiText = oui === 0 ? '' : `oui ${ouiNames.get(oui) ?? 'Unknown'} (0x${hex(oui, 6)}), `;
    p.print(`SNAP, ${ouiText}${pidText(oui, pid)}, length ${rest}: `);
  }
  p.endBeforeDump();
}

function pidText(oui: number, pid: number): string {
  const usesEthertypes = oui === 0x000000 || oui === 0x0000f8 || oui === 0x080007;
  const name = usesEthertypes ? ethertypeName(pid) : oui === 0x00000c ? ciscoPidNames.get(pid) : undefined;
  return `${oui === 0 ? 'ethertype' : 'pid'} ${name ?? 'Unknown'} (0x${hex(pid, 4)})`;
}

function printCisco(p: Printer, pid: number, at: number, length: number): boolean {
  const name = ciscoPidNames.get(pid);
  if (name === undefined) return false;
  if (pid === 0x010b || pid === 0x010c) printStp(p, at, length);
  else p.print(`${name}, length ${length}`);
  return true;
}
