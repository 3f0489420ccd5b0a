/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * A packet as a packet socket on its device would get it: which bytes, how many, and the one
 * accessor through which both the filter and the record read them.
 */
#ifndef TAPTRACE_PACKET_H
#define TAPTRACE_PACKET_H

#include "access.h"

/* Longest link header before skb->data that we take along; Ethernet has 14, InfiniBand 24. */
#define LINK_HEADER_MAX 64
/* And the most that lies before it once the network and transport headers were pulled too. */
#define DETECT_BYTES_MAX 256

struct packet {
	struct sk_buff *skb;	/* 0 where only the socket filter's context is to be had */
	struct net_device *dev; /* 0: the packet has none here */
	struct net *net;	/* 0: not known; at netfilter hooks given */
	void *context;		/* what the program was called with */
	struct sock *owner;	/* the socket to name; 0: skb->sk */
	struct xdp_buff *frame; /* before there is an skb */
	unsigned char *head;
	unsigned char *data;
	/*
	 * Whole slots of the stack: without CAP_PERFMON, verifiers up to 6.1 refuse a write to one
	 * half of a slot whose other half they have kept track of (check_stack_write_fixed_off).
	 */
	__u64 netns_inum;  /* 0: not known */
	__u64 ifindex;	   /* 0: the packet has no device here */
	__u64 ifindex_out; /* 0: none beside that one */
	__u64 link_bytes;  /* of the packet, how many lie before skb->data */
	__u64 len;	   /* bytes from the packet's first one */
	__u64 linear_len;  /* of them, how many are in the linear part; 0: not known */
	__u64 protocol;
	__u64 link; /* enum tap_link */
	__u64 unreadable;
	__u64 choice; /* enum tap_choice */
};

#define PACKET_NUMBERS_BYTES (sizeof(struct packet) - offsetof(struct packet, netns_inum))

/* A tag beside the bytes of a packet; not present: tci and protocol mean nothing. */
struct vlan_tag {
	bool present;
	__u16 tci;
	__u16 protocol; /* host byte order */
};

static __always_inline void fill_vlan(struct tap_record *record, struct vlan_tag tag)
{
	if (!tag.present)
		return;
	record->vlan_tci = tag.tci;
	record->vlan_protocol = tag.protocol;
	record->present |= TAP_HAS_VLAN;
}

/* True when the link header still carries a VLAN tag that the kernel will move to skb metadata. */
static __always_inline bool has_inband_vlan(const struct packet *packet)
{
	return packet->protocol == ETH_P_8021Q || packet->protocol == ETH_P_8021AD;
}

/* struct tap_device in one piece; little-endian, as all machines that we build for. */
static __always_inline __u64 device_key(const struct packet *packet, __u64 ifindex)
{
	return packet->netns_inum | ifindex << 32;
}

/* The value of a key of four or eight bytes. */
static __always_inline void *lookup(void *map, __u64 key)
{
	return bpf_map_lookup_elem(map, &key);
}

/*
 * Up to 6.3, in programs that have subprograms, the verifier holds every number to be precise
 * (kernel/bpf/verifier.c, __mark_reg_unknown) and follows each way to one on its own, to the end of
 * the program. Numbers that a helper has written have no history. Newer kernels need none of this,
 * and the other builds run there.
 */
static __always_inline void forget_history(struct packet *packet)
{
#ifdef TAP_ACCESS_PROBE
	void *numbers = &packet->netns_inum;

	bpf_probe_read_kernel(numbers, PACKET_NUMBERS_BYTES, numbers);
#endif
}

#endif
