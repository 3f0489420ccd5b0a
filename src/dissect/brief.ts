/** Routing and redundancy protocols: the line that tcpdump prints of them without -v, whatever the verbosity. */
import { endpointsText } from './endpoints.js';
import type { Printer } from './printer.js';

const ospfTypes = ['', 'Hello', 'Database Description', 'LS-Request', 'LS-Update', 'LS-Ack'];
const OSPF_MD5 = 2;
const OSPF_MD5_LEN = 16;

/** @param ipVersion tells OSPFv2 from OSPFv3, whose headers differ */
export function printOspf(p: Printer, at: number, length: number, ipVersion: number): void {
  p.protocol = ipVersion === 6 ? 'ospf3' : 'ospf2';
  let shownLen = length;
  if (ipVersion !== 6 && p.u16(at + 14) === OSPF_MD5) {
    // The digest follows the packet and does not count.
    shownLen = (length - OSPF_MD5_LEN) >>> 0;
    p.end -= OSPF_MD5_LEN;
  }
  const type = p.u8(at + 1);
  const unknown = ipVersion === 6 ? `unknown packet type (${type})` : `unknown LS-type ${type}`;
  p.print(`OSPFv${p.u8(at)}, ${ospfTypes[type] || unknown}, length ${shownLen}`);
}

const pimTypes = [
  'Hello',
  'Register',
  'Register Stop',
  'Join / Prune',
  'Bootstrap',
  'Assert',
  'Graft',
  'Graft Acknowledgement',
  'Candidate RP Advertisement',
  'Prune Refresh',
  'DF Election',
  'ECMP Redirect',
];

export function printPim(p: Printer, at: number, length: number): void {
  p.protocol = 'pim';
  const first = p.u8(at);
  const version = first >> 4;
  const type = version === 2 ? ` ${pimTypes[first & 15] ?? 'Unknown Type'},` : '';
  p.print(`PIMv${version},${type} length ${length}`);
}

const VRRP_ADVERTISEMENT = 1;
const vrrpAuthentications = ['none', 'simple', 'ah'];

export function printVrrp(p: Printer, at: number, length: number, ip: number): void {
  p.protocol = 'vrrp';
  p.print('VRRP');
  const version = p.u8(at) >> 4;
  const type = p.u8(at) & 15;
  const hopLimit = p.u8(p.u8(ip) >> 4 === 6 ? ip + 7 : ip + 8);
  p.print(`v${version}, ${type === VRRP_ADVERTISEMENT ? 'Advertisement' : `unknown type (${type})`}`);
  if (hopLimit !== 255) p.print(`, (ttl ${hopLimit})`);
  if (version < 2 || version > 3 || type !== VRRP_ADVERTISEMENT) return;
  p.print(`, vrid ${p.u8(at + 1)}, prio ${p.u8(at + 2)}`);
  if (version === 2) {
    const authentication = p.u8(at + 4);
    p.print(`, authtype ${vrrpAuthentications[authentication] ?? `#${authentication}`}`);
    p.print(`, intvl ${p.u8(at + 5)}s, length ${length}`);
  } else p.print(`, intvl ${p.u16(at + 4) & 0xfff}cs, length ${length}`);
}

const eigrpOpcodes = new Map<number, string>([
  [1, 'Update'],
  [3, 'Query'],
  [4, 'Reply'],
  [5, 'Hello'],
  [6, 'IPX SAP'],
  [7, 'Probe'],
]);
const EIGRP_HEADER_LEN = 20;

export function printEigrp(p: Printer, at: number, length: number): void {
  p.protocol = 'eigrp';
  p.need(at, EIGRP_HEADER_LEN);
  const version = p.u8(at);
  const opcode = p.u8(at + 1);
  if (version !== 2) p.print(`EIGRP version ${version} packet not supported`);
  else p.print(`EIGRP ${eigrpOpcodes.get(opcode) ?? `unknown (${opcode})`}, length: ${length}`);
}

const DCCP_HEADER_LEN = 12;
const DCCP_EXTENDED_LEN = 16;

/** Only the ports: Linux has no DCCP any more (6.16). */
export function printDccp(p: Printer, at: number, length: number, ip: number): void {
  p.protocol = 'dccp';
  p.need(at, DCCP_HEADER_LEN);
  const hasLongSequence = length >= DCCP_HEADER_LEN && (p.u8(at + 8) & 1) !== 0;
  const headerLen = hasLongSequence ? DCCP_EXTENDED_LEN : DCCP_HEADER_LEN;
  if (length < headerLen) {
    p.print(`truncated-dccp - ${headerLen - length} bytes missing!`);
    return;
  }
  p.need(at, headerLen);
  p.print(`${endpointsText(p, ip, at)}DCCP, length ${length}`);
}
