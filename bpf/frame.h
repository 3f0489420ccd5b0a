/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * A frame that has no skb yet: what an XDP program was called with (struct xdp_buff). Of frames in
 * several buffers only the first one is looked at.
 */
#ifndef TAPTRACE_FRAME_H
#define TAPTRACE_FRAME_H

#include "packet.h"

/* Devices whose native XDP program is watched: the same program may also run for others. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tap_device);
	__type(value, __u8);
} xdp_devices SEC(".maps");

static __always_inline void find_origin(struct packet *packet)
{
	struct net *net = FIELD(packet->dev, nd_net.net);

	packet->net = net;
	packet->netns_inum = FIELD(net, ns.inum);
	packet->ifindex = FIELD(packet->dev, ifindex);
}

static __always_inline bool is_network_packet(const struct packet *packet)
{
	return lookup(&xdp_devices, device_key(packet, packet->ifindex));
}

static __always_inline void find_packet(struct packet *packet)
{
	const struct xdp_buff *frame = packet->frame;
	unsigned char *data = FIELD(frame, data), *end = FIELD(frame, data_end);

	packet->head = FIELD(frame, data_hard_start);
	packet->data = data;
	packet->linear_len = packet->len = end > data ? end - data : 0;
	packet->link_bytes = packet->protocol = 0;
	packet->link = TAP_LINK_DEVICE;
}

/* A frame has nothing beside its bytes yet. */
static __always_inline struct vlan_tag vlan_of(struct packet *packet)
{
	return (struct vlan_tag){};
}

static __always_inline __u32 link_type_of(struct packet *packet)
{
	return FIELD(packet->dev, type);
}

#define PACKET_FIELD(packet, field) 0
#define PACKET_TYPE(packet) 0

/* All that a program may know of the frame itself. */
static __always_inline void fill_packet(struct tap_record *record, struct packet *packet)
{
	record->head = (unsigned long)packet->head;
	record->data_offset = packet->data - packet->head;
	record->linear_len = packet->linear_len;
	record->netns_inum = packet->netns_inum;
	record->ifindex = packet->ifindex;
	record->link_type = FIELD(packet->dev, type);
	record->link = TAP_LINK_DEVICE;
	record->present |= TAP_HAS_HEAD | TAP_HAS_NETNS | TAP_HAS_IFINDEX | TAP_HAS_LINK_TYPE;
	if (bpf_core_field_exists(packet->net->net_cookie)) {
		record->netns_cookie = FIELD(packet->net, net_cookie);
		record->present |= TAP_HAS_NETNS_COOKIE;
	}
}

#endif
