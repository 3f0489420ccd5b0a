/** Frames of the corpus as a host has them that received them: the outermost tag beside the bytes. */
import { decodePacket, emptyPacket } from '../../../src/decode/packet.js';
import type { PacketFilter, Verdict } from '../../../src/filter/filter.js';
import { recordView } from '../../unit/support/records.js';
import { toHex } from '../bytes.js';
import type { TestFrame } from '../filter-run.js';
import { ETHERTYPE, etherTypeOf, withoutVlanTag } from '../frames.js';
import type { Frame } from './frames.js';

const ETHER_HEADER_BYTES = 14;
const TAG_BYTES = 4;

/** The first of those that have the same bytes. */
export function distinct(frames: readonly Frame[]): Frame[] {
  const byBytes = new Map<string, Frame>();
  for (const frame of frames) {
    const key = toHex(frame.bytes);
    if (!byBytes.has(key)) byBytes.set(key, frame);
  }
  return [...byBytes.values()];
}

/** The user-space verdict on a frame that comes into the receive function of a device. */
export function verdictOnArrival(filter: PacketFilter, { bytes }: Frame, ifindex: number): Verdict {
  const fields = { linkType: 1, ifindex, packetType: 0, protocol: etherTypeOf(bytes) ?? 0 };
  const record = recordView({ data: bytes, fields });
  const packet = emptyPacket();
  decodePacket(record, packet, true);
  return filter.match(record, packet);
}

/** The frame behind skb_vlan_untag(), which drops one that ends inside its tag: undefined. */
export function untagged({ bytes }: Frame): TestFrame | undefined {
  const protocol = etherTypeOf(bytes);
  if (protocol !== ETHERTYPE.vlan && protocol !== ETHERTYPE.qinq) return { bytes };
  if (bytes.length < ETHER_HEADER_BYTES + TAG_BYTES + 2) return undefined;
  return { bytes: withoutVlanTag(bytes), tag: { protocol, tci: (bytes[14]! << 8) | bytes[15]! } };
}
