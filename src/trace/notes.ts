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

const none: readonly string[] = [];
const unarmedOnly: readonly string[] = ['would be tapped here'];
const partialOnly: readonly string[] = ['checksum not filled yet: CHECKSUM_PARTIAL'];
const unarmedAndPartial: readonly string[] = [...unarmedOnly, ...partialOnly];

const isUnarmed = ({ record, stage }: TapEvent): boolean =>
  stage.group === 'taps' && record.has('armed') && !record.is('armed');
const isPartial = ({ record }: TapEvent): boolean =>
  record.has('checksum') && record.ipSummed === CHECKSUM_PARTIAL;
const isForOthers = ({ record, stage }: TapEvent): boolean =>
  record.has('packetType') && record.packetType === PACKET_OTHERHOST && stage.direction === 'rx';

/** Phrases, most telling first; empty for a plain packet. The common answers are always the same arrays. */
export function notesOf(event: TapEvent): readonly string[] {
  const { record, packet } = event;
  const isRare =
    event.late ||
    packet.cutTag ||
    packet.vlan ||
    record.has('gso') ||
    record.is('unreadable') ||
    isForOthers(event);
  if (isRare) return allNotes(event);
  if (isUnarmed(event)) return isPartial(event) ? unarmedAndPartial : unarmedOnly;
  return isPartial(event) ? partialOnly : none;
}

function allNotes(event: TapEvent): string[] {
  const { record, packet } = event;
  const notes: string[] = [];
  if (isUnarmed(event)) notes.push(...unarmedOnly);
  if (event.late) notes.push('late: later events were printed before it');
  if (packet.cutTag) notes.push('VLAN header cut short: the kernel drops it before its tap lists');
  if (packet.vlan) notes.push(`${vlanText(packet.vlan)} is in skb metadata, not in the bytes`);
  if (isPartial(event)) notes.push(...partialOnly);
  if (record.has('gso')) notes.push(gsoNote(record.gsoSize, record.gsoSegs, record.gsoType));
  if (isForOthers(event)) notes.push('for another host by its MAC address: IP drops such frames');
  if (record.is('unreadable')) notes.push('payload not readable');
  return notes;
}
