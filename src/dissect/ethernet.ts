/** Ethernet frames: addresses, VLAN tags, and the length/type field that says what follows. */
import { hex } from './bytes.js';
import { printLlc } from './llc.js';
import { ETHERTYPE, ethertypeLabel, ethertypeName, isVlanEthertype } from './names.js';
import { printNetwork } from './network.js';
import type { Printer } from './printer.js';

const HEADER_LEN = 14;
const MAX_LENGTH_VALUE = 1500;

/** A VLAN tag that is not in the bytes. */
export interface MetadataTag {
  tci: number;
  protocol: number;
}

/** `ethertype IPv4 (0x0800)`, or with -q `IPv4`. */
export function ethertypeText(p: Printer, type: number): string {
  if (p.quick) return ethertypeName(type) ?? `Unknown Ethertype (0x${hex(type, 4)})`;
  return `ethertype ${ethertypeLabel(type)}`;
}

/** `vlan 10, p 0, `. */
export function tagText(tci: number): string {
  return `vlan ${tci & 0xfff}, p ${tci >> 13}${tci & 0x1000 ? ', DEI' : ''}, `;
}

/**
 * Prints a frame of `length` bytes at `at`. libpcap puts a tag from the metadata back behind the
 * addresses, so with one the frame counts four bytes more, as in a file that tcpdump wrote.
 */
export function printEthernet(p: Printer, at: number, length: number, tag?: MetadataTag): void {
  p.protocol = 'ether';
  if (p.left(at) < HEADER_LEN) {
    p.markTruncated();
    return;
  }
  const total = length + (tag ? 4 : 0);
  if (p.linkHeader) p.print(`${p.mac(at + 6)} > ${p.mac(at)}, `);
  let saidLength = false;
  if (tag && p.linkHeader) {
    p.print(`${ethertypeText(p, tag.protocol)}, length ${total}: ${tagText(tag.tci)}`);
    saidLength = true;
  }
  let type = p.u16(at + 12);
  let next = at + HEADER_LEN;
  while (isVlanEthertype(type)) {
    if (p.left(next) < 4 || at + length - next < 4) {
      p.markTruncated('vlan');
      return;
    }
    if (p.linkHeader) {
      p.print(`${ethertypeText(p, type)}${saidLength ? '' : `, length ${total}:`}`);
      p.print(`${saidLength ? ',' : ''} ${tagText(p.u16(next))}`);
      saidLength = true;
    }
    type = p.u16(next + 2);
    next += 4;
  }
  const rest = length - (next - at);
  if (type <= MAX_LENGTH_VALUE) printIeee8023(p, at, next, rest, type, saidLength);
  else if (type === ETHERTYPE.jumboLlc) printLlc(p, next, rest, at);
  else printTyped(p, at, next, rest, type, saidLength, total);
}

/** The field is a length: what follows is 802.2 LLC, and bytes after that length are padding. */
function printIeee8023(
  p: Printer,
  frame: number,
  at: number,
  rest: number,
  value: number,
  saidLength: boolean,
): void {
  const length = Math.min(value, rest);
  const end = p.end;
  p.limit(at, length);
  if (p.linkHeader) p.print(saidLength ? '802.3' : `802.3, length ${length}: `);
  printLlc(p, at, length, frame);
  p.end = end;
}

function printTyped(
  p: Printer,
  frame: number,
  at: number,
  rest: number,
  type: number,
  saidLength: boolean,
  total: number,
): void {
  if (p.linkHeader) p.print(`${ethertypeText(p, type)}${saidLength ? ', ' : `, length ${total}: `}`);
  if (printNetwork(p, type, at, rest)) return;
  if (!p.linkHeader) {
    p.print(`${p.mac(frame + 6)} > ${p.mac(frame)}, ${ethertypeText(p, type)}, length ${total}: `);
  }
  p.endBeforeDump();
}
