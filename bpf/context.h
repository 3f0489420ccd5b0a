/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * What a socket filter's context tells of its packet, and nothing else: no kernel memory is read,
 * so this needs neither BTF nor CAP_PERFMON nor probe reads, and loads on every kernel from 5.10
 * and in every lockdown mode.
 */
#ifndef TAPTRACE_CONTEXT_H
#define TAPTRACE_CONTEXT_H

#include "packet.h"

#define CONTEXT(packet) ((struct __sk_buff *)(packet)->context)

static __always_inline void find_origin(struct packet *packet)
{
	packet->netns_inum = own_netns;
	packet->ifindex = CONTEXT(packet)->ifindex;
}

static __always_inline bool is_network_packet(const struct packet *packet)
{
	return true;
}

static __always_inline struct tap_socket_device *socket_device(const struct packet *packet)
{
	return lookup(&socket_devices, device_key(packet, packet->ifindex));
}

static __always_inline void find_packet(struct packet *packet)
{
	packet->head = packet->data = 0;
	packet->len = CONTEXT(packet)->len;
	packet->linear_len = packet->link_bytes = 0;
	packet->link = TAP_LINK_DEVICE;
	packet->protocol = bpf_ntohs(CONTEXT(packet)->protocol);
}

static __always_inline struct vlan_tag vlan_of(struct packet *packet)
{
	struct vlan_tag tag = {};

	if (!CONTEXT(packet)->vlan_present)
		return tag;
	tag.present = true;
	tag.tci = CONTEXT(packet)->vlan_tci;
	tag.protocol = bpf_ntohs(CONTEXT(packet)->vlan_proto);
	return tag;
}

static __always_inline void fill_device(struct tap_record *record, const struct packet *packet)
{
	struct tap_socket_device *device = socket_device(packet);

	record->netns_inum = packet->netns_inum;
	record->ifindex = packet->ifindex;
	record->flags |= TAP_ARMED;
	record->present |= TAP_HAS_NETNS | TAP_HAS_IFINDEX | TAP_HAS_ARMED;
	if (!device)
		return;
	record->link_type = device->link_type;
	record->link = device->link;
	record->present |= TAP_HAS_LINK_TYPE;
}

/* ARPHRD_* of the device; 0 where it is not known. */
static __always_inline __u32 link_type_of(struct packet *packet)
{
	struct tap_socket_device *device = socket_device(packet);

	packet->link = device ? device->link : TAP_LINK_DEVICE;
	return device ? device->link_type : 0;
}

#define PACKET_FIELD(packet, field) (CONTEXT(packet)->field)
#define PACKET_TYPE(packet) (CONTEXT(packet)->pkt_type)

/* All that a program may know of the packet itself. */
static __always_inline void fill_packet(struct tap_record *record, struct packet *packet)
{
	struct __sk_buff *context = CONTEXT(packet);

	record->protocol = packet->protocol;
	record->packet_type = context->pkt_type;
	record->mark = context->mark;
	record->hash = context->hash;
	record->queue = context->queue_mapping;
	record->present |= TAP_HAS_PACKET_TYPE | TAP_HAS_MARK | TAP_HAS_HASH | TAP_HAS_QUEUE;
	record->gso_size = context->gso_size;
	record->gso_segs = context->gso_segs;
	if (record->gso_size)
		record->present |= TAP_HAS_GSO;
	fill_vlan(record, vlan_of(packet));
	fill_device(record, packet);
}

#endif
