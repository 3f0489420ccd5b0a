/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The body that every program shares: is this packet wanted, and if so, one record of it in the
 * ring buffer of this CPU. A mechanism's file only says where the packet comes from.
 */
#ifndef TAPTRACE_TAP_H
#define TAPTRACE_TAP_H

#include "fill.h"
#include "filter.h"
#include "payload.h"

/*
 * Any address on the kernel stack of the moment. Tracing programs may have a private stack (6.13+),
 * but their context lies on the kernel's; a socket filter's context is the skb, its stack is real.
 */
#ifdef TAP_SOCKET_CONTEXT
#define ON_STACK(packet) ((const void *)(packet))
#else
#define ON_STACK(packet) ((packet)->context)
#endif

/* What a mechanism knows beside the packet: who it is for, and its own fields. */
struct observation {
	__u16 attach_id;
	__u8 stage;
	__u32 present;	 /* of the fields below */
	bool tapped_out; /* dev_queue_xmit_nit itself: the inferring program leaves this packet
			    alone */
	__u32 reason;
	__u64 location;
};

static __always_inline bool is_selected(__u32 netns_inum, __u32 ifindex)
{
	struct tap_device device = {.netns_inum = netns_inum, .ifindex = ifindex};

	/* A packet whose namespace is not known cannot be said to be foreign. */
	if (netns_inum && only_netns && netns_inum != only_netns)
		return false;
	if (netns_inum && select_netns && !bpf_map_lookup_elem(&selected_netns, &netns_inum))
		return false;
	return !select_devices || bpf_map_lookup_elem(&selected_devices, &device);
}

/* The namespace of a packet: its device's, else its socket's. */
static __always_inline struct net *packet_net(struct packet *packet)
{
	struct sock *sk;

	if (packet->dev)
		return FIELD(packet->dev, nd_net.net);
	sk = FIELD(packet->skb, sk);
	return sk ? FIELD(sk, __sk_common.skc_net.net) : 0;
}

/*
 * kfree_skb and consume_skb also end the buffers of unix and netlink sockets: those never had a
 * device nor a protocol (net/unix/af_unix.c, net/netlink/af_netlink.c).
 */
static __always_inline bool is_network_packet(const struct packet *packet)
{
	return frame_start != FRAME_DETECT || packet->dev || packet->protocol;
}

/* `bytes` of packet data are kept; ring buffer records come in a few constant sizes. */
static __always_inline __u32 size_class(__u32 bytes)
{
	__u32 room = TAP_SNAPLEN_MAX + 8;

	if (bytes <= 96)
		room = 96;
	else if (bytes <= 256)
		room = 256;
	else if (bytes <= 512)
		room = 512;
	else if (bytes <= 2048)
		room = 2048;
	else if (bytes <= 16384)
		room = 16384;
	else if (bytes <= 65536 + 64)
		room = 65536 + 64;
	asm volatile("" : "+r"(room));
	return room;
}

static __always_inline __u32 wanted_bytes(const struct packet *packet, __u32 snaplen)
{
	if (snaplen > TAP_SNAPLEN_MAX)
		snaplen = TAP_SNAPLEN_MAX;
	/* The consumer takes an in-band tag out, as the kernel does before its tap lists. */
	if (is_tap && has_inband_vlan(packet))
		snaplen += 4;
	return packet->len < snaplen ? packet->len : snaplen;
}

static __always_inline void fill_record(struct tap_record *record, struct packet *packet,
					struct net *net, const struct observation *what)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->version = TAP_RECORD_VERSION;
	record->stage = what->stage;
	record->attach_id = what->attach_id;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->cpu = bpf_get_smp_processor_id();
	record->present = what->present;
	record->reason = what->reason;
	record->location = what->location;
	record->len = packet->len;
	record->linear_len = packet->linear_len;
	fill_skb(record, packet);
	fill_shared_info(record, packet);
	fill_device(record, packet->dev, net);
	if (want_owner)
		fill_owner(record, packet->skb);
	if (want_task)
		fill_task(record, ON_STACK(packet));
}

static __always_inline void fill_stack(struct tap_record *record, void *context)
{
#ifndef TAP_NO_STACK
	record->stack_id = bpf_get_stackid(context, &stacks, 0);
	if (record->stack_id >= 0)
		record->present |= TAP_HAS_STACK;
#endif
}

static __always_inline int emit(struct packet *packet, struct net *net, struct tap_counters *count,
				const struct observation *what)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0, bytes, room, slack;
	struct tap_live *settings = bpf_map_lookup_elem(&live, &zero);
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct tap_record *record;

	if (!settings || !ring)
		return 0;
	bytes = wanted_bytes(packet, settings->snaplen);
	room = size_class(bytes);
	slack = payload_slack(packet);
	/* Decided once: the verifier must meet the same value when copy_packet() asks again. */
	asm volatile("" : "+r"(slack));
	record = bpf_ringbuf_reserve(ring, sizeof(*record) + room + slack, 0);
	if (!record) {
		count->lost_ring++;
		return 0;
	}
	fill_record(record, packet, net, what);
	record->sequence = count->matched;
	if (settings->stacks)
		fill_stack(record, packet->context);
	record->cap_len = copy_packet(packet, record + 1, bytes, room, slack);
	if (packet->unreadable)
		record->flags |= TAP_UNREADABLE;
	record->record_len = (sizeof(*record) + record->cap_len + 7) & ~7;
	count->emitted++;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

static __always_inline void remember_tapped(const struct packet *packet, __u32 ifindex)
{
	__u32 zero = 0;
	struct tapped_packet *last = bpf_map_lookup_elem(&last_tapped, &zero);

	if (!last)
		return;
	last->head = (unsigned long)packet->head;
	last->ifindex = ifindex;
	last->len = packet->len;
}

/*
 * xmit_one() calls dev_queue_xmit_nit and then fires net_dev_start_xmit on the same CPU with
 * softirqs off: what the tap saw last is this packet, or the tap did not run for it.
 */
static __always_inline bool was_tapped(const struct packet *packet, __u32 ifindex)
{
	__u32 zero = 0;
	struct tapped_packet *last = bpf_map_lookup_elem(&last_tapped, &zero);

	if (!last || last->ifindex != ifindex || last->len != packet->len)
		return false;
	if (last->head && last->head != (unsigned long)packet->head)
		return false;
	last->ifindex = 0;
	return true;
}

/*
 * The program at the entry of __netif_receive_skb_core leaves armed devices to the packet socket. A
 * device may become armed at any moment, so it remembers the packet that it has not left.
 */
static __always_inline bool is_left_to_socket(const struct packet *packet, __u32 netns_inum,
					      __u32 ifindex)
{
	struct tap_device device = {.netns_inum = netns_inum, .ifindex = ifindex};
	bool armed = bpf_map_lookup_elem(&armed_devices, &device);
	struct tapped_packet *last;
	__u32 zero = 0;

	last = bpf_map_lookup_elem(&last_entered, &zero);
	if (!last)
		return armed;
	last->head = (unsigned long)packet->head;
	last->ifindex = armed ? 0 : ifindex;
	return armed;
}

/* The tap lists are next after the entry, on the same CPU and with softirqs off. */
static __always_inline bool was_entered(const struct packet *packet, __u32 ifindex)
{
	__u32 zero = 0;
	struct tapped_packet *last = bpf_map_lookup_elem(&last_entered, &zero);

	return last && last->ifindex == ifindex && last->head == (unsigned long)packet->head;
}

/* One packet at one stage. `dev` may be 0. */
static __always_inline int observe(void *context, struct sk_buff *skb, struct net_device *dev,
				   const struct observation *what)
{
	struct packet packet = {.skb = skb, .dev = dev, .context = context};
	__u32 id = what->attach_id, ifindex = 0, netns_inum = 0;
	struct tap_counters *count;
	struct net *net;

	if (!is_kernel_address(packet.dev))
		packet.dev = 0;
	net = packet_net(&packet);
	if (net)
		netns_inum = FIELD(net, ns.inum);
	if (packet.dev)
		ifindex = FIELD(packet.dev, ifindex);
	if (!is_selected(netns_inum, ifindex))
		return 0;
	count = bpf_map_lookup_elem(&counters, &id);
	if (!count)
		return 0;
	find_packet(&packet);
	if (!is_network_packet(&packet))
		return 0;
	if (what->tapped_out)
		remember_tapped(&packet, ifindex);
	if (skip_tapped && was_tapped(&packet, ifindex))
		return 0;
	if (skip_armed && is_left_to_socket(&packet, netns_inum, ifindex))
		return 0;
	if (skip_entered && !what->tapped_out && was_entered(&packet, ifindex))
		return 0;
	count->seen++;
	if (!filter_match(&packet)) {
		count->filtered++;
		return 0;
	}
	count->matched++;
	return emit(&packet, net, count, what);
}

/* The common case: everything is said by the instance's constants. */
static __always_inline int observe_here(void *context, struct sk_buff *skb, struct net_device *dev)
{
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.tapped_out = mark_tapped,
	};

	return observe(context, skb, dev, &what);
}

#endif
