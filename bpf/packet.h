/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * A packet as a packet socket on its device would get it: which bytes, how many, and the one
 * accessor through which both the filter and the record read them.
 */
#ifndef TAPTRACE_PACKET_H
#define TAPTRACE_PACKET_H

#include "access.h"

/* Longest link header before skb->data that we take along; Ethernet has 14, InfiniBand 24. */
#define LINK_HEADER_MAX 64
/* And the most that lies before it once the network and transport headers were pulled too. */
#define DETECT_BYTES_MAX 256
#define UNSET_HEADER 0xffff

struct packet {
	struct sk_buff *skb;
	struct net_device *dev; /* 0: the packet has none here */
	void *context;		/* what the program was called with */
	unsigned char *head;
	unsigned char *data;
	__u32 link_bytes; /* of the packet, how many lie before skb->data */
	__u32 len;	  /* bytes from the packet's first one */
	__u32 linear_len; /* of them, how many are in the linear part */
	__u16 protocol;
	__u8 link; /* enum tap_link */
	__u8 unreadable;
};

/*
 * net/packet/af_packet.c, dev_has_header() (dev->header_ops alone up to 5.10): a packet socket
 * shows the link header only of devices that can build one.
 */
static __always_inline bool has_link_header(struct net_device *dev)
{
	const struct header_ops *ops;

	if (!dev)
		return false;
	ops = FIELD(dev, header_ops);
	return ops && FIELD(ops, create);
}

static __always_inline void find_link_header(struct packet *packet, __u32 headroom)
{
	__u16 mac = FIELD(packet->skb, mac_header);

	if (mac != UNSET_HEADER && mac < headroom && headroom - mac <= LINK_HEADER_MAX)
		packet->link_bytes = headroom - mac;
}

/*
 * Where a packet that may be at any layer starts: at its MAC header if it still knows one in front
 * of the network header, else at the network header. skb->data may have moved past both.
 */
static __always_inline void detect_start(struct packet *packet, __u32 headroom)
{
	__u16 mac = FIELD(packet->skb, mac_header), network = FIELD(packet->skb, network_header);
	__u32 start = headroom;

	packet->link = TAP_LINK_NETWORK;
	if (network != UNSET_HEADER && network && network <= headroom)
		start = network;
	if (mac != UNSET_HEADER && mac < network && has_link_header(packet->dev)) {
		start = mac;
		packet->link = TAP_LINK_DEVICE;
	}
	if (start < headroom && headroom - start <= DETECT_BYTES_MAX)
		packet->link_bytes = headroom - start;
}

static __always_inline void find_packet(struct packet *packet)
{
	struct sk_buff *skb = packet->skb;
	__u32 headroom;

	packet->head = FIELD(skb, head);
	packet->data = FIELD(skb, data);
	packet->protocol = bpf_ntohs(FIELD(skb, protocol));
	packet->len = FIELD(skb, len);
	packet->linear_len = packet->len - FIELD(skb, data_len);
	headroom = packet->data - packet->head;
	if (frame_start == FRAME_DETECT) {
		detect_start(packet, headroom);
	} else if (!has_link_header(packet->dev)) {
		packet->link = TAP_LINK_NETWORK;
	} else if (frame_start == FRAME_AT_MAC_HEADER) {
		find_link_header(packet, headroom);
	}
	packet->len += packet->link_bytes;
	packet->linear_len += packet->link_bytes;
}

/* True when the link header still carries a VLAN tag that the kernel will move to skb metadata. */
static __always_inline bool has_inband_vlan(const struct packet *packet)
{
	return packet->protocol == ETH_P_8021Q || packet->protocol == ETH_P_8021AD;
}

#endif
