/** The packet in a record, put right to what a packet socket at this stage gets. */
import type { LinkType, PacketInput } from '../dissect/packet.js';
import { tapLink } from './layout.generated.js';
import type { RecordView } from './record.js';

const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
/** Both addresses of an Ethernet header. */
const addressBytes = 12;
const tagBytes = 4;

/** A PacketInput that is filled again for every record; `vlan` is part of it only where there is a tag. */
export interface DecodedPacket extends PacketInput {
  /** True when an in-band tag was taken out (to `vlan`), as the kernel does before its tap lists. */
  untagged: boolean;
  /** The kernel drops a packet whose VLAN header is cut short before its tap lists (skb_vlan_untag). */
  cutTag: boolean;
}

export function emptyPacket(): DecodedPacket {
  return {
    bytes: new Uint8Array(0),
    offset: 0,
    capLen: 0,
    len: 0,
    linkType: 'unknown',
    untagged: false,
    cutTag: false,
  };
}

function linkTypeOf(record: RecordView): LinkType {
  if (record.link === tapLink.network) return 'raw';
  return record.linkType === ARPHRD_ETHER || record.linkType === ARPHRD_LOOPBACK ? 'ethernet' : 'unknown';
}

/** Moves an in-band tag to metadata: the addresses move up over it (net/core/skbuff.c, skb_vlan_untag). */
function untag(packet: DecodedPacket): void {
  const { bytes, offset, capLen } = packet;
  packet.cutTag = packet.len < addressBytes + 2 + tagBytes + 2;
  if (packet.cutTag) return;
  packet.len -= tagBytes;
  packet.capLen = Math.max(0, capLen - tagBytes);
  packet.untagged = true;
  // Of fewer bytes only addresses are left, and which tag it was is not known.
  if (capLen < addressBytes + tagBytes) return;
  const protocol = (bytes[offset + 12]! << 8) | bytes[offset + 13]!;
  packet.vlan = { protocol, tci: (bytes[offset + 14]! << 8) | bytes[offset + 15]! };
  bytes.copyWithin(offset + tagBytes, offset, offset + addressBytes);
  packet.offset += tagBytes;
}

/**
 * Fills `packet` from the record. `entryOfReceive` says that the record was made at the entry of
 * __netif_receive_skb_core, where a tag may still be in the bytes; its batch is then changed in place.
 */
export function decodePacket(record: RecordView, packet: DecodedPacket, entryOfReceive: boolean): void {
  const { protocol } = record;
  packet.bytes = record.batch.u8;
  packet.offset = record.dataOffset;
  packet.capLen = record.capLen;
  packet.len = record.len;
  packet.linkType = linkTypeOf(record);
  packet.protocol = protocol;
  packet.untagged = false;
  packet.cutTag = false;
  delete packet.vlan;
  if (record.has('vlan')) packet.vlan = { tci: record.vlanTci, protocol: record.vlanProtocol };
  else if (entryOfReceive && packet.linkType === 'ethernet')
    if (protocol === ETH_P_8021Q || protocol === ETH_P_8021AD) untag(packet);
}
