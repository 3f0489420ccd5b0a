/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * What is known of a packet only when a function returns, when the packet itself may be gone: a
 * second, small record says it of the first one, and the consumer puts both together.
 */
#ifndef TAPTRACE_AMEND_H
#define TAPTRACE_AMEND_H

#include "tap.h"

/* The record of a function's entry that its return has something to say about. */
struct entered {
	__u64 skb;
	__u64 head;
	__u32 netns_inum;
	__u32 ifindex;
	__u32 len;
	__u16 attach_id;
	__u8 stage;
	__u8 nf_family;
	__u8 nf_hook;
	__u8 reserved[7];
};

static __always_inline struct tap_record *reserve_amendment(const struct entered *entered)
{
	struct tap_counters *count = lookup(&counters, entered->attach_id);
	void *ring = lookup(&rings, bpf_get_smp_processor_id());
	struct tap_record *record;

	if (!count || !ring)
		return 0;
	record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);
	if (!record) {
		count->matched++;
		count->lost_ring++;
		return 0;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->record_len = sizeof(*record);
	record->version = TAP_RECORD_VERSION;
	record->stage = entered->stage;
	record->attach_id = entered->attach_id;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->cpu = bpf_get_smp_processor_id();
	record->sequence = count->matched;
	record->flags = TAP_AMENDS;
	record->choice = looks_everywhere() ? TAP_CHOICE_FOLLOWED : TAP_CHOICE_MATCHED;
	/* There was a record of its packet. */
	record->filter_result = has_filter ? TAP_FILTER_YES : TAP_FILTER_NO;
	record->present = TAP_HAS_SKB | TAP_HAS_HEAD;
	record->skb = entered->skb;
	record->head = entered->head;
	record->len = entered->len;
	record->netns_inum = entered->netns_inum;
	record->ifindex = entered->ifindex;
	if (entered->netns_inum)
		record->present |= TAP_HAS_NETNS;
	if (entered->ifindex)
		record->present |= TAP_HAS_IFINDEX;
	return record;
}

static __always_inline void note_entered(struct entered *entered, struct sk_buff *skb,
					 struct net_device *dev, const struct observation *what)
{
	struct net *net = dev ? FIELD(dev, nd_net.net) : 0;

	entered->skb = (unsigned long)skb;
	entered->head = (unsigned long)FIELD(skb, head);
	entered->len = FIELD(skb, len);
	entered->netns_inum = net ? FIELD(net, ns.inum) : 0;
	entered->ifindex = dev ? FIELD(dev, ifindex) : 0;
	entered->attach_id = what->attach_id;
	entered->stage = what->stage;
	entered->nf_family = what->nf_family;
	entered->nf_hook = what->nf_hook;
}

#endif
