/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The body that every program shares: is this packet wanted, and if so, one record of it in the
 * ring buffer of this CPU. A mechanism's file only says where the packet comes from.
 */
#ifndef TAPTRACE_TAP_H
#define TAPTRACE_TAP_H

#if defined(TAP_ACCESS_CONTEXT)
#include "context.h"
#elif defined(TAP_FRAME)
#include "frame.h"
#else
#include "fill.h"
#endif
#include "filter.h"
#include "select.h"
#ifndef TAP_ACCESS_CONTEXT
#include "follow.h"
#endif

#define EEXIST 17
/*
 * A program that may be interrupted by itself on its CPU counts in one instruction. Two packets may
 * then get the same sequence number, but none is missing from the totals.
 */
#ifdef TAP_REENTERED
#define COUNT(counter) __sync_fetch_and_add(&(counter), 1)
#else
#define COUNT(counter) ((counter)++)
#endif

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

/* The smaller one, in one way: the verifier would follow each branch to the end of the program. */
static __always_inline __u64 smaller(__u64 a, __u64 b)
{
	__s64 difference = a - b, sign = difference;

	asm volatile("%0 s>>= 63" : "+r"(sign));
	return b + (difference & sign);
}

static __always_inline __u32 wanted_bytes(const struct packet *packet, __u64 snaplen)
{
	/* The consumer takes an in-band tag out, as the kernel does before its tap lists. */
	if (is_tap && has_inband_vlan(packet))
		snaplen += 4;
	return at_most(smaller(packet->len, snaplen), snaplen_max + 4);
}

/* All that can be said of a packet that may be gone. */
static __always_inline void fill_key(struct tap_record *record, struct packet *packet,
				     const struct observation *what)
{
#if !defined(TAP_SOCKET_CONTEXT) && !defined(TAP_FRAME)
	record->skb = what->key;
	record->present |= TAP_HAS_SKB;
	fill_device(record, packet);
	if (want_task)
		fill_task(record, ON_STACK(packet));
#endif
}

static __always_inline void fill_record(struct tap_record *record, struct packet *packet,
					const struct observation *what)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->version = TAP_RECORD_VERSION;
	record->stage = what->stage;
	record->attach_id = what->attach_id;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->cpu = bpf_get_smp_processor_id();
	record->present = what->present;
	record->reason = what->reason;
	record->verdict = what->verdict;
	record->location = what->location;
	record->nf_family = what->nf_family;
	record->nf_hook = what->nf_hook;
	record->len = packet->len;
	record->choice = packet->choice;
	record->filter_result = has_filter ? TAP_FILTER_YES : TAP_FILTER_NO;
	if (what->only_key)
		fill_key(record, packet, what);
	else
		fill_packet(record, packet);
	record->aux = what->aux;
	record->ifindex_out = packet->ifindex_out;
	if (packet->ifindex_out)
		record->present |= TAP_HAS_IFINDEX_OUT;
}

static __always_inline void fill_stack(struct tap_record *record, void *context)
{
#ifndef TAP_NO_STACK
	record->stack_id = bpf_get_stackid(context, &stacks, 0);
	/* Another stack has its place: without our own frames in front it gets another one. */
	if (record->stack_id == -EEXIST)
		record->stack_id = bpf_get_stackid(context, &stacks, 1);
	if (record->stack_id == -EEXIST)
		record->stack_id = bpf_get_stackid(context, &stacks, 2);
	if (record->stack_id >= 0)
		record->present |= TAP_HAS_STACK;
#endif
}

static __always_inline bool emit(struct packet *packet, struct tap_counters *count,
				 const struct observation *what)
{
	__u32 bytes, room, slack;
	struct tap_live *settings = lookup(&live, 0);
	void *ring = lookup(&rings, bpf_get_smp_processor_id());
	struct tap_record *record;

	if (!settings || !ring)
		return false;
	packet->unreadable = 0;
	bytes = what->only_key ? 0 : wanted_bytes(packet, settings->snaplen);
	room = size_class(bytes);
	slack = payload_slack(packet);
	/* Decided once: the verifier must meet the same value when copy_packet() asks again. */
	asm volatile("" : "+r"(slack));
	record = bpf_ringbuf_reserve(ring, sizeof(*record) + room + slack, 0);
	if (!record) {
		COUNT(count->lost_ring);
		return false;
	}
	fill_record(record, packet, what);
	record->sequence = count->matched;
	if (settings->stacks || want_stack)
		fill_stack(record, packet->context);
	/* Through memory: where the verifier knows the number it also follows the branch of the
	 * next comparison that no CPU takes, and forgets bounds there (sanitize_speculative_path).
	 */
	*(volatile __u32 *)&record->cap_len = bytes;
	if (!what->only_key)
		record->cap_len = copy_packet(packet, record + 1,
					      *(volatile __u32 *)&record->cap_len, room, slack);
	if (packet->unreadable)
		record->flags |= TAP_UNREADABLE;
	record->record_len = (sizeof(*record) + record->cap_len + 7) & ~7;
	COUNT(count->emitted);
	bpf_ringbuf_submit(record, 0);
	return true;
}

/* The first of two programs of a stage tells the second which packet it has seen. */
static __always_inline void leave_note_of(const struct packet *packet)
{
	struct packet_note *note = lookup(&last_seen, 0);

	if (!note)
		return;
	note->head = (unsigned long)packet->head;
	note->ifindex = packet->ifindex;
	note->len = packet->len;
}

/*
 * Both programs of a stage run back to back on one CPU with softirqs off (dev_queue_xmit_nit and
 * the tracepoint net_dev_start_xmit in xmit_one(); the entry of __netif_receive_skb_core and the
 * tracepoint netif_receive_skb in it): what the first saw last is this packet, or the first was not
 * called for it.
 */
static __always_inline bool has_note_of(const struct packet *packet)
{
	struct packet_note *note = lookup(&last_seen, 0);

	if (!note || note->ifindex != packet->ifindex || note->len != packet->len)
		return false;
	if (note->head && note->head != (unsigned long)packet->head)
		return false;
	note->ifindex = 0;
	return true;
}

/*
 * The program at the entry of __netif_receive_skb_core leaves armed devices to the packet socket. A
 * device may become armed at any moment, so it remembers the packet that it has not left.
 */
static __always_inline bool is_left_to_socket(const struct packet *packet)
{
	struct tap_socket_device *device =
		lookup(&socket_devices, device_key(packet, packet->ifindex));
	struct packet_note *note = lookup(&last_entered, 0);
	bool armed = device && device->armed;

	if (!note)
		return armed;
	note->head = (unsigned long)packet->head;
	note->ifindex = armed ? 0 : packet->ifindex;
	return armed;
}

/* The tap lists are next after the entry, on the same CPU and with softirqs off. */
static __always_inline bool was_entered(const struct packet *packet)
{
	struct packet_note *note = lookup(&last_entered, 0);

	if (!note || note->ifindex != packet->ifindex)
		return false;
	return !packet->head || note->head == (unsigned long)packet->head;
}

/* True when another program of this stage shows the packet. */
static __always_inline bool is_left_to_other(const struct packet *packet,
					     const struct observation *what)
{
	if (what->is_first)
		leave_note_of(packet);
	if (skip_noted && has_note_of(packet))
		return true;
	if (skip_armed && is_left_to_socket(packet))
		return true;
	return skip_entered && what->is_socket && was_entered(packet);
}

/*
 * What is known of the packet, and what its bytes say (enum tap_filter). An address alone decides
 * nothing; where packets are followed by it nobody expects that.
 */
static __always_inline __u32 answer_for(struct packet *packet, const struct observation *what)
{
	if (asks_origin && looks_everywhere() && !is_on_device(packet))
		return TAP_FILTER_NO;
	if (asks_metadata && !has_metadata(packet, what))
		return TAP_FILTER_NO;
	if (!has_filter)
		return TAP_FILTER_YES;
	if (what->only_key)
		return looks_everywhere() ? TAP_FILTER_NO : TAP_FILTER_UNDECIDED;
	return filter_packet(packet);
}

/* Whether the packet is wanted, and why (enum tap_choice); 0: it is not. */
static __always_inline __u64 choose(struct packet *packet, const struct observation *what,
				    struct tap_counters *count)
{
	__u32 answer = answer_for(packet, what);
	bool is_match = answer == TAP_FILTER_YES;
	__u64 choice = is_match ? TAP_CHOICE_MATCHED : look_back ? TAP_CHOICE_LOOKED_BACK : 0;

#ifndef TAP_ACCESS_CONTEXT
	if (follow_sets) {
		__u32 followed = follow_packet(packet, what, is_match);

		if (followed & FOLLOW_FORGOT)
			COUNT(count->forgotten);
		if (followed & FOLLOW_WANTED && !is_match)
			choice = TAP_CHOICE_FOLLOWED;
	}
#endif
	if (choice)
		return choice;
	if (answer == TAP_FILTER_NO) {
		COUNT(count->filtered);
		/* Keeps the two apart: made one, at a place chosen before, they are refused without
		 * CAP_PERFMON (kernel/bpf/verifier.c, sanitize_ptr_alu). */
		asm volatile("");
	} else {
		COUNT(count->undecided);
	}
	return 0;
}

/* A packet's way is seen whole or not at all: all programs begin and end together. */
static __always_inline bool is_paused(void)
{
	struct tap_live *settings = lookup(&live, 0);

	return !settings || settings->paused;
}

/* Whether the packet's device and namespace are needed at once: both cost loads. */
static __always_inline bool needs_origin(void)
{
#if defined(TAP_ACCESS_PROBE) || defined(TAP_ACCESS_CONTEXT) || defined(TAP_FRAME)
	return true;
#else
	return asks_origin;
#endif
}

/* Each member is set where it becomes known: to clear the whole first would cost as much as a
 * filter. */
static __always_inline void begin_packet(struct packet *packet, void *context, struct sk_buff *skb,
					 struct net_device *dev, const struct observation *what)
{
	packet->skb = skb;
	packet->dev = dev;
	if (!is_kernel_address(dev)) {
		/* A jump: without one it would be arithmetic with a pointer. */
		asm volatile("");
		packet->dev = 0;
	}
	packet->context = context;
	packet->owner = what->owner;
	packet->net = what->net;
	packet->frame = what->frame;
	packet->ifindex_out = what->dev_out ? FIELD(what->dev_out, ifindex) : 0;
}

/* Nothing but its length is known. */
static __always_inline void begin_key(struct packet *packet, __u32 len)
{
	packet->head = packet->data = 0;
	packet->len = len;
	packet->linear_len = packet->link_bytes = packet->protocol = 0;
	packet->link = TAP_LINK_DEVICE;
}

/* One packet at one stage; true if a record of it was written. `skb` and `dev` may be 0. */
static __always_inline bool record_packet(void *context, struct sk_buff *skb,
					  struct net_device *dev, const struct observation *what)
{
	struct packet packet;
	struct tap_counters *count;

	if (is_paused())
		return false;
	begin_packet(&packet, context, skb, dev, what);
	if (needs_origin())
		find_origin(&packet);
	if (asks_origin && !is_from_wanted(&packet))
		return false;
	count = lookup(&counters, what->attach_id);
	if (!count)
		return false;
	if (what->only_key)
		begin_key(&packet, what->len);
	else
		find_packet(&packet);
	forget_history(&packet);
	if (!is_network_packet(&packet) || (asks_partner && is_left_to_other(&packet, what)))
		return false;
	packet.choice = choose(&packet, what, count);
	if (!packet.choice)
		return false;
	COUNT(count->matched);
	if (!needs_origin())
		find_origin(&packet);
	return emit(&packet, count, what);
}

/* The same, and the value that programs return. */
static __always_inline int observe(void *context, struct sk_buff *skb, struct net_device *dev,
				   const struct observation *what)
{
	record_packet(context, skb, dev, what);
	return 0;
}

/* The common case: everything is said by the instance's constants. */
static __always_inline int observe_here(void *context, struct sk_buff *skb, struct net_device *dev)
{
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.is_first = leave_note,
	};

	return observe(context, skb, dev, &what);
}

#endif
