/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Packets that matched are followed by the addresses of their sk_buff and of its memory (which
 * clones share) until they end. The table is bounded and never full: a new packet takes the place
 * of one that has ended, or of the oldest of its set, which is counted. Not a hash map, since those
 * fail or forget without saying so.
 *
 * Addresses are used again within microseconds, and some ends have no tracepoint. So a packet is
 * let go where the order of stages says that this must be another one (the consumer looks at the
 * content as well), and ten seconds after it last matched.
 */
#ifndef TAPTRACE_FOLLOW_H
#define TAPTRACE_FOLLOW_H

#include "observation.h"

#define FOLLOW_MS 10000
/* A driver's answer may come when the packet has just ended. */
#define ANSWER_MS 1
#define FOLLOW_WAYS 4

/* Numbers of stages (src/stages): they are in path order. */
enum stage_number {
	STAGE_NF_INGRESS = 6,
	STAGE_NF_PREROUTING = 9,
	STAGE_NF_INPUT = 10,
	STAGE_NF_FORWARD = 11,
	STAGE_DELIVERY = 14,
	STAGE_NF_OUTPUT = 15,
	STAGE_QDISC_ENQUEUE = 21,
	STAGE_TX_TAP = 23,
	STAGE_DROP = 26,
};

struct followed {
	__u64 address; /* 0: free */
	__u64 device;  /* where it was last: device_key() */
	__u32 since;   /* when it last matched, in ms since boot */
	__u32 ended;   /* when it ended; 0: not yet */
	__u64 stage;   /* where it was last */
};

struct follow_set {
	struct followed ways[FOLLOW_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct follow_set);
} followed SEC(".maps");

/* What is asked of follow(), above the number of the stage. */
enum follow_flag {
	FOLLOW_MATCHED = 1 << 8,
	FOLLOW_ENDS = 1 << 9,	      /* the sk_buff ends here */
	FOLLOW_MEMORY_ENDS = 1 << 10, /* and no other one has its memory */
	FOLLOW_ONLY_KEY = 1 << 11,
};

enum follow_answer {
	FOLLOW_WANTED = 1,
	FOLLOW_FORGOT = 2, /* a packet that had not ended had to make room */
};

static __always_inline struct follow_set *set_of(__u64 address)
{
	return lookup(&followed, (address * 0x9e3779b97f4a7c15) >> 32 & (follow_sets - 1));
}

/*
 * Where in its set an address is; FOLLOW_WAYS: nowhere. This and the other global functions of this
 * file are checked by the verifier once, each for itself; it takes what they return for any number.
 * Inlined they would be followed anew in every state of the program.
 */
__attribute__((noinline)) __u32 way_of(__u64 address)
{
	struct follow_set *set = set_of(address);
	int way;

	if (!address || !set)
		return FOLLOW_WAYS;
#pragma unroll
	for (way = 0; way < FOLLOW_WAYS; way++)
		if (set->ways[way].address == address)
			return way;
	return FOLLOW_WAYS;
}

static __always_inline struct followed *place_in(struct follow_set *set, __u64 way)
{
	asm volatile("" : "+r"(way));
	return &set->ways[way & (FOLLOW_WAYS - 1)];
}

static __always_inline struct followed *find_followed(__u64 address)
{
	__u32 way = way_of(address);
	struct follow_set *set = set_of(address);

	return set && way < FOLLOW_WAYS ? place_in(set, way) : 0;
}

static __always_inline bool is_way_in(__u64 stage)
{
	return stage < STAGE_NF_OUTPUT;
}

static __always_inline bool is_same_device(__u64 a, __u64 b)
{
	__u32 netns_a = a, netns_b = b;

	if (netns_a && netns_b && netns_a != netns_b)
		return false;
	return !(a >> 32) || !(b >> 32) || a >> 32 == b >> 32;
}

/* Drivers that are busy, and queues, have a packet pass these again. */
static __always_inline bool may_repeat(__u64 stage)
{
	return stage >= STAGE_QDISC_ENQUEUE;
}

/* The same rules as src/journey/transition.ts: whether one sk_buff goes from there to here. */
static __always_inline bool can_come(const struct followed *last, __u64 device, __u64 stage)
{
	if (stage >= STAGE_DROP || stage == STAGE_DELIVERY)
		return true;
	/* Only a tunnel's device sends what it was handed as a packet of this host. */
	if (stage == STAGE_NF_OUTPUT && last->stage != STAGE_NF_OUTPUT)
		return last->stage >= STAGE_TX_TAP;
	if (is_way_in(last->stage) != is_way_in(stage))
		return is_way_in(stage) || last->stage < STAGE_NF_INPUT ||
		       last->stage == STAGE_NF_FORWARD;
	if (!is_same_device(last->device, device) || stage >= last->stage)
		return true;
	if (may_repeat(stage))
		return true;
	/* br_netfilter runs this hook before the bridge's own device gets the frame. */
	return last->stage == STAGE_NF_PREROUTING && stage <= STAGE_NF_INGRESS;
}

/* Whether this is still the packet that was followed; lets go of the address where it is not. */
static __always_inline bool goes_on(struct followed *entry, __u64 device, __u64 stage, __u32 now)
{
	if (!entry || !entry->address || entry->ended || now - entry->since >= FOLLOW_MS)
		return false;
	if (can_come(entry, device, stage))
		return true;
	entry->address = 0;
	return false;
}

/* Ended and free places first, then the oldest. */
static __always_inline __u32 age_of(const struct followed *entry, __u64 address, __u32 now)
{
	if (entry->address == address)
		return -1;
	return entry->address && !entry->ended ? now - entry->since : -2;
}

/* The way of a set that an address gets; `oldest` is the age of what is there now. */
static __always_inline __u32 best_way(const struct follow_set *set, __u64 address, __u32 now,
				      __u32 *oldest)
{
	__u32 way, best = 0;

	*oldest = 0;
#pragma unroll
	for (way = 0; way < FOLLOW_WAYS; way++) {
		__u32 age = age_of(&set->ways[way], address, now);

		if (age <= *oldest)
			continue;
		*oldest = age;
		best = way;
	}
	return best;
}

/* Puts an address into the table. Returns 1 if another packet had to make room. */
__attribute__((noinline)) __u32 remember(__u64 address, __u64 device, __u64 stage, __u32 since,
					 __u32 now)
{
	struct follow_set *set = set_of(address);
	struct followed *place;
	__u32 oldest;

	if (!address || !set)
		return 0;
	place = place_in(set, best_way(set, address, now, &oldest));
	place->address = address;
	place->since = since;
	place->ended = 0;
	place->device = device;
	place->stage = stage;
	return oldest < FOLLOW_MS;
}

static __always_inline void end_followed(struct followed *entry, __u32 now)
{
	if (entry)
		entry->ended = now;
}

/* Whether the packet is followed, or from now on, where it matched. Returns enum follow_answer. */
__attribute__((noinline)) __u32 follow(__u64 skb, __u64 head, __u64 device, __u32 how)
{
	struct followed *by_skb = find_followed(skb), *by_head = find_followed(head);
	__u32 now = bpf_ktime_get_boot_ns() / 1000000, since = now, stage = how & 0xff, forgot = 0;

	if (how & FOLLOW_ONLY_KEY)
		return by_skb && now - by_skb->since < FOLLOW_MS &&
		       (!by_skb->ended || now - by_skb->ended <= ANSWER_MS);
	/* The sk_buff is another packet's by now, and so will be the driver's next answer. */
	if (by_skb && by_skb->ended)
		by_skb->address = 0;
	if (goes_on(by_skb, device, stage, now))
		since = by_skb->since;
	else if (goes_on(by_head, device, stage, now))
		since = by_head->since;
	else if (!(how & FOLLOW_MATCHED))
		return 0;
	if (how & FOLLOW_MATCHED)
		since = now;
	if (how & FOLLOW_ENDS)
		end_followed(by_skb, now);
	else if (stage != STAGE_DELIVERY)
		forgot |= remember(skb, device, stage, since, now);
	if (how & FOLLOW_MEMORY_ENDS)
		end_followed(by_head, now);
	else if (stage != STAGE_DELIVERY)
		forgot |= remember(head, device, stage, since, now);
	return forgot ? FOLLOW_WANTED | FOLLOW_FORGOT : FOLLOW_WANTED;
}

/* Frames that an XDP program drops have no other end. */
static __always_inline bool ends_here(const struct observation *what)
{
	if (what->frame)
		return what->verdict == XDP_DROP || what->verdict == XDP_ABORTED;
	return what->stage >= STAGE_DROP;
}

/* Whether the memory goes with this sk_buff: clones share it. */
static __always_inline bool is_last_holder(const struct packet *packet)
{
#if defined(TAP_FRAME)
	return true;
#elif defined(CAST_FIELD)
	unsigned char *info = packet->head + FIELD(packet->skb, end);
	/* The lower half counts all holders (include/linux/skbuff.h, SKB_DATAREF_SHIFT). */
	__u32 holders = CAST_FIELD(info, struct skb_shared_info, dataref.counter) & 0xffff;

	return holders <= 1;
#else
	return !BITFIELD(packet->skb, cloned);
#endif
}

static __always_inline __u32 follow_packet(const struct packet *packet,
					   const struct observation *what, bool matches)
{
	__u64 skb = address_of(what->only_key ? (const void *)what->key : packet->skb);
	__u64 head = what->only_key ? 0 : address_of(packet->head);
	__u32 how = what->stage;

	if (matches)
		how |= FOLLOW_MATCHED;
	if (what->only_key)
		how |= FOLLOW_ONLY_KEY;
	else if (ends_here(what))
		how |= FOLLOW_ENDS | (is_last_holder(packet) ? FOLLOW_MEMORY_ENDS : 0);
	return follow(skb, head, device_key(packet, packet->ifindex), how);
}

#endif
