/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What a record says about a packet, group by group; each group sets its presence bits. */
#ifndef TAPTRACE_FILL_H
#define TAPTRACE_FILL_H

#include "skb.h"
#include "task.h"

#ifdef CAST_FIELD
static __always_inline void fill_task(struct tap_record *record, const void *on_stack)
{
	__u64 task = bpf_get_current_task(), *comm = (__u64 *)record->comm;

	record->pid = CAST_FIELD(task, struct task_struct, tgid);
	record->tid = CAST_FIELD(task, struct task_struct, pid);
	read_comm(task, comm);
	record->context = works_for(task, comm[0], address_of(on_stack)) ? TAP_CONTEXT_PROCESS
									 : TAP_CONTEXT_SOFTIRQ;
	record->present |= TAP_HAS_TASK | TAP_HAS_CONTEXT;
}
#else
static __always_inline void fill_task(struct tap_record *record, const void *on_stack)
{
	__u64 ids = bpf_get_current_pid_tgid();

	record->pid = ids >> 32;
	record->tid = ids;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	record->present |= TAP_HAS_TASK;
}
#endif

static __always_inline bool is_armed(struct net_device *dev, struct net *net)
{
	struct list_head *own = &dev->ptype_all, *namespaced = &net->ptype_all;

	if (FIELD(dev, ptype_all.next) != own)
		return true;
	return bpf_core_field_exists(net->ptype_all) && FIELD(net, ptype_all.next) != namespaced;
}

/*
 * Where the list of sockets bound to no device is one for all namespaces (up to 6.12), a device
 * whose own list is empty may or may not be tapped: left unknown, unless it is known whether
 * dev_queue_xmit_nit ran for the packet.
 */
static __always_inline void fill_armed(struct tap_record *record, struct net_device *dev,
				       struct net *net)
{
	bool armed = nit == NIT_RAN || is_armed(dev, net);

	if (armed)
		record->flags |= TAP_ARMED;
	if (armed || nit == NIT_SILENT || bpf_core_field_exists(net->ptype_all))
		record->present |= TAP_HAS_ARMED;
}

static __always_inline void fill_device(struct tap_record *record, struct packet *packet)
{
	struct net_device *dev = packet->dev;
	struct net *net = packet->net;

	record->ifindex = packet->ifindex;
	if (packet->ifindex)
		record->present |= TAP_HAS_IFINDEX;
	if (net) {
		record->netns_inum = FIELD(net, ns.inum);
		record->present |= TAP_HAS_NETNS;
		if (bpf_core_field_exists(net->net_cookie)) {
			record->netns_cookie = FIELD(net, net_cookie);
			record->present |= TAP_HAS_NETNS_COOKIE;
		}
	}
	if (!dev)
		return;
	record->link_type = FIELD(dev, type);
	record->present |= TAP_HAS_LINK_TYPE;
	if (is_tap && net)
		fill_armed(record, dev, net);
}

/*
 * A function of its own: inlined, the compiler fetches what it needs of the member ahead of the
 * question whether it exists, which no verifier takes.
 */
static __attribute__((noinline)) bool vlan_bit(struct sk_buff___vlan_bit *skb)
{
	return BITFIELD(skb, vlan_present);
}

static __always_inline struct vlan_tag vlan_of(struct packet *packet)
{
	struct sk_buff *skb = packet->skb;
	struct sk_buff___vlan_bit *with_bit = (void *)skb;
	struct vlan_tag tag = {
		.tci = FIELD(skb, vlan_tci),
		.protocol = bpf_ntohs(FIELD(skb, vlan_proto)),
	};

	tag.present = tag.tci || tag.protocol;
	if (bpf_core_field_exists(with_bit->vlan_present))
		tag.present = vlan_bit(with_bit);
	return tag;
}

/* ARPHRD_* of the device; 0 where there is none. */
static __always_inline __u32 link_type_of(struct packet *packet)
{
	return packet->dev ? FIELD(packet->dev, type) : 0;
}

#define PACKET_FIELD(packet, field) FIELD((packet)->skb, field)
#define PACKET_TYPE(packet) (is_outgoing ? PACKET_OUTGOING : BITFIELD((packet)->skb, pkt_type))

static __always_inline void fill_skb(struct tap_record *record, struct packet *packet)
{
	struct sk_buff *skb = packet->skb;

	record->skb = (unsigned long)skb;
	record->head = (unsigned long)packet->head;
	record->data_offset = packet->data - packet->head - packet->link_bytes;
	record->protocol = packet->protocol;
	record->link = packet->link;
	record->packet_type = PACKET_TYPE(packet);
	record->mark = FIELD(skb, mark);
	record->hash = FIELD(skb, hash);
	record->queue = FIELD(skb, queue_mapping);
	record->ip_summed = BITFIELD(skb, ip_summed);
	record->checksum_start = FIELD(skb, csum_start);
	record->checksum_offset = FIELD(skb, csum_offset);
	if (BITFIELD(skb, cloned))
		record->flags |= TAP_CLONED;
	record->present |= TAP_HAS_SKB | TAP_HAS_HEAD | TAP_HAS_PACKET_TYPE | TAP_HAS_MARK |
			   TAP_HAS_HASH | TAP_HAS_QUEUE | TAP_HAS_CHECKSUM;
	fill_vlan(record, vlan_of(packet));
}

/* What skb_shared_info knows: segmentation and how the bytes are laid out. */
static __always_inline void fill_shared_info(struct tap_record *record, struct packet *packet)
{
#ifdef CAST_FIELD
	unsigned char *info = packet->head + FIELD(packet->skb, end);

	record->gso_size = CAST_FIELD(info, struct skb_shared_info, gso_size);
	record->gso_segs = CAST_FIELD(info, struct skb_shared_info, gso_segs);
	record->gso_type = CAST_FIELD(info, struct skb_shared_info, gso_type);
	record->frag_count = CAST_FIELD(info, struct skb_shared_info, nr_frags);
	if (CAST_FIELD(info, struct skb_shared_info, frag_list))
		record->flags |= TAP_FRAG_LIST;
	record->present |= TAP_HAS_DATA_LAYOUT;
	if (record->gso_size)
		record->present |= TAP_HAS_GSO;
#endif
}

/* The socket a packet belongs to: who sent it, or who it was found to be for. */
static __always_inline void fill_owner(struct tap_record *record, struct packet *packet)
{
	struct sock *sk = packet->owner ? packet->owner : FIELD(packet->skb, sk);
	unsigned char state;

	if (!sk)
		return;
	state = FIELD(sk, __sk_common.skc_state);
	record->socket_cookie = FIELD(sk, __sk_common.skc_cookie.counter);
	if (record->socket_cookie)
		record->present |= TAP_HAS_SOCKET_COOKIE;
	/* These two are small structs that end before sk_uid (include/net/inet_timewait_sock.h). */
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return;
	record->uid = FIELD(sk, sk_uid.val);
	record->present |= TAP_HAS_UID;
#ifdef CAST_FIELD
	struct socket *socket = FIELD(sk, sk_socket);

	if (!socket)
		return;
	record->socket_inode = CAST_FIELD(socket, struct socket_alloc, vfs_inode.i_ino);
	if (record->socket_inode)
		record->present |= TAP_HAS_SOCKET_INODE;
#endif
}

/* All that a program may know of the packet itself. */
static __always_inline void fill_packet(struct tap_record *record, struct packet *packet)
{
	record->linear_len = packet->linear_len;
	fill_skb(record, packet);
	fill_shared_info(record, packet);
	fill_device(record, packet);
	if (want_owner || packet->owner)
		fill_owner(record, packet);
	if (want_task)
		fill_task(record, ON_STACK(packet));
}

#endif
