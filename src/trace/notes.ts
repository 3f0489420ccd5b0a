/** Truth lines: what the metadata of a packet explains that its bytes alone would make a puzzle of. */
import type { TapEvent } from './event.js';

const CHECKSUM_PARTIAL = 3;
const PACKET_OTHERHOST = 3;
/** net/core/skbuff.h, SKB_GSO_*: the kinds that matter to a reader. */
const gsoKinds: readonly (readonly [bit: number, name: string])[] = [
  [1 << 0, 'TCPv4'],
  [1 << 4, 'TCPv6'],
  [1 << 16, 'UDP'],
  [1 << 17, 'UDP'],
];

function gsoNote(size: number, segments: number, type: number): string {
  const kind = gsoKinds.find(([bit]) => type & bit)?.[1];
  const count = segments > 0 ? `${segments} segments` : 'segments';
  return `GSO: stands for ${count} of ${size} bytes${kind ? ` (${kind})` : ''}`;
}

/** TCI as libpcap's users read it: id, and priority where it is not 0. */
export function vlanText(vlan: { tci: number; protocol: number }): string {
  const priority = vlan.tci >> 13;
  const kind = vlan.protocol === 0x88a8 ? '802.1ad' : '802.1Q';
  return `VLAN ${vlan.tci & 0xfff}${priority ? ` priority ${priority}` : ''} (${kind})`;
}

/** Full sentences without a full stop, most telling first; empty for a plain packet. */
export function notesOf(event: TapEvent): string[] {
  const { record, packet, stage } = event;
  const notes: string[] = [];
  if (stage.group === 'taps' && record.has('armed') && !record.is('armed'))
    notes.push('would be tapped here');
  if (event.late) notes.push('late: later events were printed before it');
  if (packet.cutTag) notes.push('VLAN header cut short: the kernel drops it before its tap lists');
  if (packet.vlan) notes.push(`${vlanText(packet.vlan)} is in skb metadata, not in the bytes`);
  if (record.has('checksum') && record.ipSummed === CHECKSUM_PARTIAL)
    notes.push('checksum not filled yet: CHECKSUM_PARTIAL');
  if (record.has('gso')) notes.push(gsoNote(record.gsoSize, record.gsoSegs, record.gsoType));
  if (record.has('packetType') && record.packetType === PACKET_OTHERHOST && stage.direction === 'rx')
    notes.push('for another host: dropped before routing');
  if (record.is('unreadable')) notes.push('payload not readable');
  return notes;
}
