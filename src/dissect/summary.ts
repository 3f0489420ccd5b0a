/**
 * One packet as text, as `tcpdump -nn -t` 4.99 prints it: same addresses, ports, flags, sequence numbers,
 * lengths and truncation marks. Where it differs, on purpose:
 *
 * - application payloads are not decoded: a datagram to port 53 reads `UDP, length 40`, a segment ends after
 *   its length;
 * - protocols outside the set that Linux hosts meet daily are named with their length, not decoded (LLDP,
 *   PPPoE, MACsec, RSVP, …; the bodies of OSPF, PIM, VRRP, EIGRP, SCTP parameters, mobility headers);
 * - hex dumps of data that tcpdump has no printer for are left out;
 * - an IP length of 0 in a packet longer than 65535 bytes is that of BIG TCP, not an error;
 * - of a packet without a link header -e says the ethertype and the tags (see raw.ts);
 * - of relative sequence numbers only a bounded number of connections is remembered.
 *
 * With `verbose` the text has several lines where tcpdump's has, and without it too for the gaps in an SCTP
 * SACK: these lines start with blanks or a tab. There are no other control characters in it.
 */
import { printEthernet } from './ethernet.js';
import { ethertypeLabel } from './names.js';
import { beginsWithNetworkHeader, type PacketInput, readableEnd } from './packet.js';
import { Printer, truncated } from './printer.js';
import { printRaw } from './raw.js';
import type { SequenceTracker } from './sequences.js';

/** Options with the meaning of tcpdump's flags. */
export interface SummaryOptions {
  /** -e: the link-layer header first. */
  linkHeader?: boolean;
  /** -S: sequence numbers as they are in the header. Without `sequences` they always are. */
  absoluteSequence?: boolean;
  /** -v, -vv, -vvv. What -vv and -vvv add is followed for TCP, UDP, IGMP and MLD only. */
  verbose?: 0 | 1 | 2 | 3;
  /** -q: less about transport protocols. */
  quick?: boolean;
  /** Memory for relative TCP sequence numbers; belongs to one stream of packets. */
  sequences?: SequenceTracker;
}

const printer = new Printer();

/**
 * Answers a packet's summary. Never throws, whatever the bytes are, and reads nothing outside the packet.
 *
 * Of data whose layout is not known it says just that: a guess would put a wrong packet into a trace.
 */
export function summarize(input: PacketInput, options?: SummaryOptions): string {
  const p = printer;
  p.begin(input.bytes, readableEnd(input));
  p.linkHeader = options?.linkHeader ?? false;
  p.absoluteSequence = options?.absoluteSequence ?? false;
  p.verbose = options?.verbose ?? 0;
  p.quick = options?.quick ?? false;
  p.sequences = options?.sequences;
  try {
    printPacket(p, input);
  } catch (error) {
    if (error !== truncated) throw error;
    p.markTruncated();
  }
  return p.text;
}

function printPacket(p: Printer, input: PacketInput): void {
  const { offset, len, linkType, protocol, vlan } = input;
  if (linkType === 'ethernet') printEthernet(p, offset, len, vlan);
  else if (linkType === 'raw' || beginsWithNetworkHeader(input)) printRaw(p, offset, len, protocol, vlan);
  else p.print(`unknown link layer${protocolText(protocol)}, length ${len}`);
}

function protocolText(protocol: number | undefined): string {
  if (protocol === undefined) return '';
  return `, protocol ${ethertypeLabel(protocol)}`;
}
