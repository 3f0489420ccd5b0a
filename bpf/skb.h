/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What is found out about a packet before anything is written: whose it is, and where it starts. */
#ifndef TAPTRACE_SKB_H
#define TAPTRACE_SKB_H

#include "packet.h"

#define UNSET_HEADER 0xffff

/* The namespace of a packet: its device's, else its socket's. */
static __always_inline struct net *packet_net(struct packet *packet)
{
	struct sock *sk;

	if (packet->dev)
		return FIELD(packet->dev, nd_net.net);
	if (!packet->skb)
		return 0;
	sk = packet->owner ? packet->owner : FIELD(packet->skb, sk);
	return sk ? FIELD(sk, __sk_common.skc_net.net) : 0;
}

/* Whose packet it is. */
static __always_inline void find_origin(struct packet *packet)
{
	if (!packet->net)
		packet->net = packet_net(packet);
	packet->netns_inum = packet->net ? FIELD(packet->net, ns.inum) : 0;
	packet->ifindex = 0;
	if (packet->dev)
		packet->ifindex = FIELD(packet->dev, ifindex);
	else if (packet->owner)
		packet->ifindex = FIELD(packet->skb, skb_iif);
}

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
	packet->link_bytes = 0;
	packet->link = TAP_LINK_DEVICE;
	headroom = packet->data - packet->head;
	if (frame_start == FRAME_DETECT) {
		detect_start(packet, headroom);
	} else if (frame_start == FRAME_AT_NETWORK || !has_link_header(packet->dev)) {
		packet->link = TAP_LINK_NETWORK;
	} else if (frame_start == FRAME_AT_MAC_HEADER) {
		find_link_header(packet, headroom);
	}
	packet->len += packet->link_bytes;
	packet->linear_len += packet->link_bytes;
}

/*
 * kfree_skb and consume_skb also end the buffers of unix and netlink sockets: those never had a
 * device nor a protocol (net/unix/af_unix.c, net/netlink/af_netlink.c).
 */
static __always_inline bool is_network_packet(const struct packet *packet)
{
	return frame_start != FRAME_DETECT || packet->dev || packet->protocol;
}

#endif
