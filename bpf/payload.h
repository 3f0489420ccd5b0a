/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Copying packet bytes: linear part, page fragments and frag_list alike, or a shorter count where
 * the rest cannot be read.
 *
 * `length` is at most `room`, and the record has `slack` bytes behind that: the verifier bounds an
 * offset and a size each for itself, so what is written as "offset + rest" needs room for both
 * maxima.
 */
#ifndef TAPTRACE_PAYLOAD_H
#define TAPTRACE_PAYLOAD_H

#include "packet.h"

/* At most `limit`, in a register that the verifier has seen compared with it. */
static __always_inline __u64 at_most(__u64 value, __u64 limit)
{
	asm volatile("" : "+r"(value));
	return value > limit ? limit : value;
}

/*
 * The verifiers of 5.10 and 6.1 learn from a comparison by size that a size is not zero, and
 * nothing from one with zero, which is what the compiler makes of it where it knows the range.
 */
static __always_inline __u64 at_least_one(__u64 value)
{
	asm volatile("" : "+r"(value));
	return (__s64)value > 0 ? value : 1;
}

/*
 * Without a comparison: where the verifier knows the number, it follows the branch that no CPU
 * takes as well, and forgets bounds there (sanitize_speculative_path).
 */
static __always_inline __u64 one_to_four(__u64 value)
{
	value -= 1;
	asm volatile("" : "+r"(value));
	return (value & 3) + 1;
}

#if defined(TAP_FRAME)
static __always_inline __u32 payload_slack(const struct packet *packet)
{
	return 0;
}

/* The first buffer, which is all that find_packet() counted. */
static __always_inline __u32 copy_packet(struct packet *packet, void *to, __u32 length, __u32 room,
					 __u32 slack)
{
	__u64 bytes = at_most(length, room);

	if (!bpf_probe_read_kernel(to, bytes, packet->data))
		return bytes;
	packet->unreadable = 1;
	return 0;
}

/* A few bytes of the packet at any offset, to a place of eight. */
static __always_inline bool load_at(const struct packet *packet, void *to, __u64 offset, __u64 size)
{
	return !bpf_probe_read_kernel(to, at_most(size, 8), packet->data + offset);
}
#elif defined(TAP_SOCKET_CONTEXT)
/* In a socket filter skb->data already is the packet's first byte. */
static __always_inline __u32 payload_slack(const struct packet *packet)
{
	return 0;
}

/* `bytes` may be 0. */
static __always_inline bool load_bytes(struct packet *packet, void *to, __u64 bytes)
{
	return bytes && !bpf_skb_load_bytes(packet->context, 0, to, at_least_one(bytes));
}

static __always_inline __u32 copy_packet(struct packet *packet, void *to, __u32 length, __u32 room,
					 __u32 slack)
{
	__u64 bytes = at_most(length, room);

	if (!bytes || load_bytes(packet, to, bytes))
		return bytes;
	packet->unreadable = 1;
#ifndef TAP_ACCESS_CONTEXT
	/* Fragments of unreadable memory fail the whole copy (skb_copy_bits): take what is linear.
	 */
	if (bytes > packet->linear_len)
		bytes = at_most(packet->linear_len, room);
	if (load_bytes(packet, to, bytes))
		return bytes;
#endif
	return 0;
}

static __always_inline bool load_at(const struct packet *packet, void *to, __u64 offset, __u64 size)
{
	return !bpf_skb_load_bytes(packet->context, offset, to, one_to_four(size));
}
#elif defined(TAP_ACCESS_KFUNC)
extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *dynptr) __ksym;

/* Where the context is the packet, the kernel takes nothing else (verifier.c,
 * get_kfunc_ptr_arg_type). */
#ifdef TAP_DYNPTR_OF_CONTEXT
#define DYNPTR_SOURCE(packet) ((packet)->context)
#else
#define DYNPTR_SOURCE(packet) ((packet)->skb)
#endif

static __always_inline __u32 payload_slack(const struct packet *packet)
{
	return frame_start == FRAME_DETECT ? DETECT_BYTES_MAX : LINK_HEADER_MAX;
}

/*
 * The bytes before skb->data, which a dynptr does not reach: always linear. Their number is
 * compared doubled: the verifier learns nothing of the number itself, and so does not follow what
 * comes behind the loop anew for each round that it may end in.
 */
static __always_inline void copy_link_bytes(struct packet *packet, void *to, __u32 slack)
{
	unsigned char *from = packet->data - packet->link_bytes;
	__u64 doubled = packet->link_bytes << 1;
	__u32 offset;

	asm volatile("" : "+r"(doubled));
	for (offset = 0; offset < DETECT_BYTES_MAX; offset += 8) {
		if (2 * offset >= doubled || offset >= slack)
			break;
		*(__u64 *)(to + offset) = CAST_FIELD(from + offset, struct timespec64, tv_sec);
	}
}

/* Of a short start of the packet's linear part it is cheaper to load it in words than to ask the
 * kernel for it. */
#define TAP_COPIES_START 64

/*
 * The first `bytes`, known before load, in whole words; the first word may be left out.
 * What lies behind the packet's end is read too: the memory is the kernel's, and a load cannot
 * fault.
 */
static __always_inline void copy_start(const struct packet *packet, void *to, __u32 bytes,
				       bool skips_first)
{
	const unsigned char *from = packet->data - packet->link_bytes;
	__u32 offset;

#pragma unroll
	for (offset = 0; offset < TAP_COPIES_START; offset += 8)
		if (offset < bytes && !(offset == 0 && skips_first))
			*(__u64 *)(to + offset) =
				CAST_FIELD(from + offset, struct timespec64, tv_sec);
}

static __always_inline __u32 copy_packet(struct packet *packet, void *to, __u32 length, __u32 room,
					 __u32 slack)
{
	__u64 link_bytes = at_most(packet->link_bytes, slack), rest;
	struct bpf_dynptr dynptr;

	copy_link_bytes(packet, to, slack);
	if (length <= link_bytes)
		return length;
	rest = at_most(length - link_bytes, room);
	if (bpf_dynptr_from_skb(DYNPTR_SOURCE(packet), 0, &dynptr))
		return link_bytes;
	if (!bpf_dynptr_read(to + link_bytes, rest, &dynptr, 0, 0))
		return link_bytes + rest;
	/* Fragments of unreadable memory fail the whole copy (skb_copy_bits): take what is linear.
	 */
	packet->unreadable = 1;
	rest = at_most(packet->linear_len - link_bytes, room);
	if (bpf_dynptr_read(to + link_bytes, rest, &dynptr, 0, 0))
		return link_bytes;
	return link_bytes + rest;
}

static __always_inline bool load_at(const struct packet *packet, void *to, __u64 offset, __u64 size)
{
	unsigned char *from = packet->data - packet->link_bytes + offset;
	struct bpf_dynptr dynptr;

	if (offset < packet->link_bytes) {
		*(__u64 *)to = CAST_FIELD(from, struct timespec64, tv_sec);
		return true;
	}
	return !bpf_dynptr_from_skb(DYNPTR_SOURCE(packet), 0, &dynptr) &&
	       !bpf_dynptr_read(to, at_most(size, 8), &dynptr, offset - packet->link_bytes, 0);
}
#elif defined(TAP_ACCESS_PROBE)
#include "payload_probe.h"
#else
static __always_inline __u32 payload_slack(const struct packet *packet)
{
	return 0;
}

static __always_inline __u32 copy_packet(struct packet *packet, void *to, __u32 length, __u32 room,
					 __u32 slack)
{
	packet->unreadable = length > 0;
	return 0;
}

static __always_inline bool load_at(const struct packet *packet, void *to, __u64 offset, __u64 size)
{
	return false;
}
#endif

#endif
