/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * packet_rcv and tpacket_rcv: a packet socket is handed a packet (net/packet/af_packet.c). What it
 * made of it is told by its counters, before and after: one of them counts packets that it took,
 * the other those that found no room, neither those that its filter refused.
 */
#ifndef TAPTRACE_DELIVERY_H
#define TAPTRACE_DELIVERY_H

#include "amend.h"

#ifdef TAP_ACCESS_PROBE

/* How often a socket was entered and left: other CPUs may hand it packets at the same time. */
struct socket_calls {
	__u64 entered;
	__u64 left;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct socket_calls);
} socket_calls SEC(".maps");

struct delivery {
	struct entered entered; /* .skb 0: nothing is to be told */
	__u64 socket;
	__u64 filter;
	__u64 turn; /* entered by then */
	__u32 packets;
	__u32 drops;
	__u64 is_alone;
};

/* The delivery under way on this CPU: softirqs are off, and no delivery happens inside another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct delivery);
} deliveries SEC(".maps");

static __always_inline struct socket_calls *calls_of(__u64 socket)
{
	struct socket_calls none = {}, *calls = lookup(&socket_calls, socket);

	if (calls)
		return calls;
	bpf_map_update_elem(&socket_calls, &socket, &none, BPF_NOEXIST);
	return lookup(&socket_calls, socket);
}

static __always_inline __u32 packets_of(__u64 socket)
{
	return CAST_FIELD(socket, struct packet_sock, stats.stats1.tp_packets);
}

static __always_inline __u32 drops_of(__u64 socket)
{
	return CAST_FIELD(socket, struct packet_sock, tp_drops.counter);
}

/*
 * Counts the entry before it looks at the socket's counters: of two CPUs at least one sees that it
 * is not alone, and the other one that somebody came while it was inside.
 */
static __always_inline void start_delivery(struct delivery *delivery)
{
	struct socket_calls *calls = calls_of(delivery->socket);
	__u64 turn;

	delivery->is_alone = 0;
	if (!calls)
		return;
	__sync_fetch_and_add(&calls->entered, 1);
	turn = *(volatile __u64 *)&calls->entered;
	delivery->turn = turn;
	delivery->is_alone = turn - *(volatile __u64 *)&calls->left == 1;
	delivery->packets = packets_of(delivery->socket);
	delivery->drops = drops_of(delivery->socket);
}

static __always_inline __u64 end_delivery(const struct delivery *delivery)
{
	struct socket_calls *calls = lookup(&socket_calls, delivery->socket);
	__u32 packets = packets_of(delivery->socket) - delivery->packets;
	__u32 drops = drops_of(delivery->socket) - delivery->drops;
	bool is_alone = delivery->is_alone;

	if (!calls)
		return TAP_DELIVERY_UNKNOWN;
	if (*(volatile __u64 *)&calls->entered != delivery->turn)
		is_alone = false;
	__sync_fetch_and_add(&calls->left, 1);
	if (!is_alone || packets + drops > 1)
		return TAP_DELIVERY_UNKNOWN;
	if (packets)
		return TAP_DELIVERY_TAKEN;
	return drops ? TAP_DELIVERY_FULL : TAP_DELIVERY_FILTERED;
}

/* Sockets of other namespaces are called up to 6.12, and refuse; looped multicast is refused too.
 */
static __always_inline bool is_offered(struct sk_buff *skb, struct net_device *dev, struct sock *sk)
{
	return BITFIELD(skb, pkt_type) != PACKET_LOOPBACK &&
	       FIELD(dev, nd_net.net) == FIELD(sk, __sk_common.skc_net.net);
}

static __always_inline int enter_delivery(void *context, struct sk_buff *skb,
					  struct net_device *dev, struct packet_type *type)
{
	struct sock *sk = FIELD(type, af_packet_priv);
	struct delivery *delivery = lookup(&deliveries, 0);
	struct observation what = {.attach_id = attach_id, .stage = stage, .owner = sk};

	if (!delivery || !sk)
		return 0;
	delivery->socket = (unsigned long)sk;
	delivery->filter = (unsigned long)FIELD(sk, sk_filter);
	start_delivery(delivery);
	delivery->entered.skb = 0;
	if (is_offered(skb, dev, sk) && record_packet(context, skb, dev, &what))
		note_entered(&delivery->entered, skb, dev, &what);
	return 0;
}

static __always_inline int leave_delivery(void)
{
	struct delivery *delivery = lookup(&deliveries, 0);
	struct tap_record *record;
	__u64 result;

	if (!delivery || !delivery->socket)
		return 0;
	result = end_delivery(delivery);
	delivery->socket = 0;
	record = delivery->entered.skb ? reserve_amendment(&delivery->entered) : 0;
	if (!record)
		return 0;
	record->aux = delivery->filter << TAP_DELIVERY_FILTER_SHIFT | result;
	record->present |= TAP_HAS_AUX;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

#endif
#endif
