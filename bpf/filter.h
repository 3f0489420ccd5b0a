/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The filter, asked before anything is reserved. What it reads of the packet is made ready in a
 * view; what it says is computed by filter_match(), whose body the addon puts in place before load
 * (src/filter/translate.ts, native/splice.cc).
 */
#ifndef TAPTRACE_FILTER_H
#define TAPTRACE_FILTER_H

#include <linux/filter.h>

#include "payload.h"

#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
/* Both addresses of an Ethernet header, and a VLAN tag behind them. */
#define ADDRESS_BYTES 12
#define TAG_BYTES 4

/* What a compiled filter takes the first byte for: it holds a program for each. */
enum filter_kind {
	KIND_UNKNOWN = 0, /* no program */
	KIND_ETHERNET = 1,
	KIND_RAW = 2, /* an IP header */
};

#ifdef TAP_REENTERED
/* As many runs of one program as may be under way on a CPU, each inside the one before. */
#define VIEWS 4
#else
#define VIEWS 1
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VIEWS);
	__type(key, __u32);
	__type(value, struct tap_filter_view);
} own_views SEC(".maps");

#ifdef TAP_REENTERED
/*
 * Puts 1 in the place of what was there, in one step (5.12). By its number, since compilers know it
 * only together with 32-bit arithmetic, which they then do with pointers too.
 */
static __always_inline __u64 exchange(__u64 *place)
{
	register __u64 *to asm("r1") = place;
	register __u64 value asm("r2") = 1;

	/* BPF_STX | BPF_ATOMIC | BPF_DW, BPF_XCHG: r2 = xchg_64(r1 + 0, r2) */
	asm volatile(".8byte 0x000000e1000021db" : "+r"(value) : "r"(to) : "memory");
	return value;
}

static __always_inline struct tap_filter_view *take_view(void)
{
	struct tap_filter_view *view;
	__u32 i;

	for (i = 0; i < VIEWS; i++) {
		view = lookup(&own_views, i);
		if (view && !exchange(&view->taken))
			return view;
	}
	return 0;
}

static __always_inline void give_back(struct tap_filter_view *view)
{
	*(volatile __u64 *)&view->taken = 0;
}
#else
static __always_inline struct tap_filter_view *take_view(void)
{
	return lookup(&own_views, 0);
}

static __always_inline void give_back(struct tap_filter_view *view)
{
}
#endif

/*
 * `size` bytes at `offset`, as a number in network byte order: what lies behind the view's window.
 * Less than 0: the complement of an enum tap_filter, which is then the filter's answer.
 */
static __attribute__((noinline, used)) __s64
filter_load(struct packet *packet, struct tap_filter_view *view, __u64 offset, __u64 size)
{
	__u8 *bytes = (__u8 *)&view->loaded;
	__u64 end = offset + size;

	if (end > view->len)
		return ~TAP_FILTER_NO;
	/* Nothing behind what could not be read can be read. */
	if (view->valid < view->len && view->valid < filter_window)
		return ~TAP_FILTER_UNDECIDED;
	if (!load_at(packet, bytes, offset + view->moved, size))
		return ~TAP_FILTER_UNDECIDED;
	if (size == 1)
		return bytes[0];
	if (size == 2)
		return bytes[0] << 8 | bytes[1];
	return bpf_ntohl(*(__u32 *)bytes);
}

/* What is compiled here decides nothing. The empty asm keeps callers from relying on its answers.
 */
static __attribute__((noinline, used)) int filter_match(struct packet *packet,
							struct tap_filter_view *view, __u64 kind)
{
	int answer = TAP_FILTER_UNDECIDED;

	/* So that the accessor is in every program. */
	if (filter_load(packet, view, kind, 1) < 0)
		answer = TAP_FILTER_NO;
	asm volatile("" : "+r"(answer));
	return answer;
}

static __always_inline __u32 filter_kind(struct packet *packet)
{
	__u32 type = link_type_of(packet);

	if (packet->link == TAP_LINK_NETWORK)
		return KIND_RAW;
	return type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK ? KIND_ETHERNET : KIND_UNKNOWN;
}

#define EXTENSION(view, offset) ((view)->extension[(offset) / 4])
#define BIT_OF(offset) (1u << (offset) / 4)
#define WANTS(offset) (wanted & BIT_OF(offset))
#define TAG_EXTENSIONS \
	(BIT_OF(SKF_AD_VLAN_TAG) | BIT_OF(SKF_AD_VLAN_TAG_PRESENT) | BIT_OF(SKF_AD_VLAN_TPID))

static __always_inline void fill_extensions(struct tap_filter_view *view, struct packet *packet,
					    __u32 wanted)
{
	if (WANTS(SKF_AD_PROTOCOL))
		EXTENSION(view, SKF_AD_PROTOCOL) = packet->protocol;
	if (WANTS(SKF_AD_PKTTYPE))
		EXTENSION(view, SKF_AD_PKTTYPE) = PACKET_TYPE(packet);
	if (WANTS(SKF_AD_IFINDEX))
		EXTENSION(view, SKF_AD_IFINDEX) = packet->ifindex;
	if (WANTS(SKF_AD_MARK))
		EXTENSION(view, SKF_AD_MARK) = PACKET_FIELD(packet, mark);
	if (WANTS(SKF_AD_QUEUE))
		EXTENSION(view, SKF_AD_QUEUE) = PACKET_FIELD(packet, queue_mapping);
	if (WANTS(SKF_AD_HATYPE))
		EXTENSION(view, SKF_AD_HATYPE) = link_type_of(packet);
	if (WANTS(SKF_AD_RXHASH))
		EXTENSION(view, SKF_AD_RXHASH) = PACKET_FIELD(packet, hash);
	if (WANTS(SKF_AD_CPU))
		EXTENSION(view, SKF_AD_CPU) = bpf_get_smp_processor_id();
}

static __always_inline void fill_tag(struct tap_filter_view *view, struct vlan_tag tag)
{
	EXTENSION(view, SKF_AD_VLAN_TAG) = tag.tci;
	EXTENSION(view, SKF_AD_VLAN_TAG_PRESENT) = tag.present;
	EXTENSION(view, SKF_AD_VLAN_TPID) = tag.protocol;
}

/*
 * A tag that the kernel will move beside the bytes before its tap lists (net/core/skbuff.c,
 * skb_vlan_untag): the addresses move up over it.
 */
static __always_inline struct vlan_tag take_tag_out(struct tap_filter_view *view)
{
	__u16 *from = (__u16 *)(view->bytes - TAG_BYTES);
	struct vlan_tag tag = {
		.present = true,
		.protocol = bpf_ntohs(from[6]),
		.tci = bpf_ntohs(from[7]),
	};
	int i;

#pragma unroll
	for (i = ADDRESS_BYTES / 2 - 1; i >= 0; i--)
		from[i + TAG_BYTES / 2] = from[i];
	EXTENSION(view, SKF_AD_PROTOCOL) = bpf_ntohs(from[8]);
	return tag;
}

#ifdef TAP_COPIES_START
/* False where it takes more than a few loads. */
static __always_inline bool fill_start(struct tap_filter_view *view, struct packet *packet,
				       __u32 kind)
{
	__u32 window = filter_window;
	__u64 wanted = at_most(packet->len, window);

	if (window > TAP_COPIES_START || wanted > packet->linear_len)
		return false;
	copy_start(packet, view->bytes, window, filter_skips_addresses && kind == KIND_ETHERNET);
	view->valid = wanted;
	return true;
}
#else
static __always_inline bool fill_start(struct tap_filter_view *view, struct packet *packet,
				       __u32 kind)
{
	return false;
}
#endif

static __always_inline void fill_bytes(struct tap_filter_view *view, struct packet *packet,
				       __u32 front)
{
	__u32 window = filter_window, wanted = packet->len;
	__u32 slack, bytes;
	__u64 start = offsetof(struct tap_filter_view, bytes) - front;
	void *to;

	if (wanted > window + front)
		wanted = window + front;
	slack = payload_slack(packet);
	asm volatile("" : "+r"(slack));
	/* Never in front of the view, not even on the way: the verifier is strict without
	 * CAP_PERFMON. */
	asm volatile("" : "+r"(start));
	to = (void *)view + start;
	/* Through memory, as in emit(): the verifier must not know the number. */
	*(volatile __u32 *)&view->valid = wanted;
	bytes = copy_packet(packet, to, *(volatile __u32 *)&view->valid,
			    TAP_FILTER_WINDOW + TAG_BYTES, slack);
	view->beyond = bytes < wanted ? TAP_FILTER_UNDECIDED : TAP_FILTER_NO;
	view->valid = bytes > front ? bytes - front : 0;
}

/* Whether the kernel will take a VLAN tag out of the bytes before its tap lists have the packet. */
static __always_inline bool will_lose_tag(struct packet *packet, __u32 kind)
{
	/* One with its VLAN header cut short is dropped before it gets there. */
	return before_untag && has_inband_vlan(packet) && kind == KIND_ETHERNET &&
	       packet->len >= 14 + TAG_BYTES + 2 && !vlan_of(packet).present;
}

static __always_inline void fill_untagged(struct tap_filter_view *view, struct packet *packet)
{
	struct vlan_tag tag = {};

	view->moved = TAG_BYTES;
	view->len = packet->len - TAG_BYTES;
	view->valid = 0;
	if (filter_window)
		fill_bytes(view, packet, TAG_BYTES);
	if (view->valid >= ADDRESS_BYTES + 2)
		tag = take_tag_out(view);
	fill_tag(view, tag);
}

static __always_inline void fill_view(struct tap_filter_view *view, struct packet *packet,
				      __u32 kind)
{
	__u32 extensions = filter_extensions;

	view->beyond = TAP_FILTER_NO;
	if (extensions)
		fill_extensions(view, packet, extensions);
	if (will_lose_tag(packet, kind)) {
		fill_untagged(view, packet);
		return;
	}
	view->moved = 0;
	view->len = packet->len;
	if (!filter_window)
		view->valid = 0;
	else if (!fill_start(view, packet, kind))
		fill_bytes(view, packet, 0);
	if (extensions & TAG_EXTENSIONS)
		fill_tag(view, vlan_of(packet));
}

/* An enum tap_filter. */
static __always_inline __u32 filter_packet(struct packet *packet)
{
	struct tap_filter_view *view;
	__u32 kind = filter_kind(packet), answer;

	if (kind == KIND_UNKNOWN)
		return TAP_FILTER_UNDECIDED;
	view = take_view();
	if (!view)
		return TAP_FILTER_UNDECIDED;
	fill_view(view, packet, kind);
	answer = filter_match(packet, view, kind);
	give_back(view);
	return answer;
}

#endif
