/** The devices of a network namespace, by rtnetlink. */
import type { NativeBinding } from '../native/binding.js';
import {
  attributes,
  attributeText,
  attributeU8,
  attributeU32,
  dumpRequest,
  littleEndian,
  netlinkProtocol,
  parseMessages,
} from './netlink.js';

export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** ARPHRD_* of linux/if_arp.h. */
  readonly type: number;
  readonly flags: number;
  readonly mtu: number;
  /** Driver kind such as veth, macvlan, vlan; absent for hardware and lo. */
  readonly kind?: string;
  /** ifindex of the master (bridge, bond, team), where there is one. */
  readonly master?: number;
  /** True when a generic (skb mode) XDP program runs here: after the function's entry, before the taps. */
  readonly genericXdp: boolean;
  /** Number of the BPF program that the driver runs before there is a packet, where there is one. */
  readonly nativeXdp?: number;
  /** Of a veth device: its other end, and the number that this namespace has for that one's; absent: the same. */
  readonly peerIfindex?: number;
  readonly peerNsid?: number;
  /** The same namespace's inode number, where that is known. */
  readonly peerNetns?: number;
}

/** ARPHRD_* of devices without header_ops, whose packets begin with the network header (linux/if_arp.h). */
const headerless = new Set([512, 519, 768, 769, 776, 778, 823, 0xfffe]);

/** Whether a packet socket on a device of this type is given a link header (net/packet/af_packet.c, dev_has_header). */
export function hasLinkHeader(type: number): boolean {
  return !headerless.has(type);
}

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA = { ifname: 3, mtu: 4, link: 5, master: 10, linkInfo: 18, linkNetnsid: 37, xdp: 43 } as const;
const IFLA_INFO_KIND = 1;
const IFLA_XDP_ATTACHED = 2;
const IFLA_XDP_DRV_PROG_ID = 5;
const XDP_ATTACHED_SKB = 2;
const XDP_ATTACHED_MULTI = 4;
const ifinfomsgBytes = 16;

function parseLink(payload: DataView): Link {
  const values = attributes(payload, ifinfomsgBytes);
  const info = values.get(IFLA.linkInfo);
  const kind = info && attributeText(attributes(info, 0).get(IFLA_INFO_KIND));
  const xdp = values.get(IFLA.xdp);
  const ofXdp = xdp && attributes(xdp, 0);
  const xdpMode = attributeU8(ofXdp?.get(IFLA_XDP_ATTACHED)) ?? 0;
  const nativeXdp = attributeU32(ofXdp?.get(IFLA_XDP_DRV_PROG_ID));
  const master = attributeU32(values.get(IFLA.master));
  const isVeth = kind === 'veth';
  const peerIfindex = isVeth ? attributeU32(values.get(IFLA.link)) : undefined;
  const peerNsid = isVeth ? attributeU32(values.get(IFLA.linkNetnsid)) : undefined;
  return {
    ifindex: payload.getInt32(4, littleEndian),
    name: attributeText(values.get(IFLA.ifname)) ?? '',
    type: payload.getUint16(2, littleEndian),
    flags: payload.getUint32(8, littleEndian),
    mtu: attributeU32(values.get(IFLA.mtu)) ?? 0,
    genericXdp: xdpMode === XDP_ATTACHED_SKB || xdpMode === XDP_ATTACHED_MULTI,
    ...(nativeXdp !== undefined && { nativeXdp }),
    ...(kind !== undefined && { kind }),
    ...(master !== undefined && { master }),
    ...(peerIfindex !== undefined && { peerIfindex }),
    ...(peerNsid !== undefined && { peerNsid }),
  };
}

/** All devices of the namespace at `netnsPath` (null: the own one), by ifindex. Throws NativeError. */
export function readLinks(native: NativeBinding, netnsPath: string | null): Link[] {
  const reply = native.netlink(netnsPath, netlinkProtocol.route, dumpRequest(RTM_GETLINK, ifinfomsgBytes));
  return parseMessages(reply)
    .filter((message) => message.type === RTM_NEWLINK)
    .map((message) => parseLink(message.payload))
    .sort((a, b) => a.ifindex - b.ifindex);
}
