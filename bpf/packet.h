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
	struct net *net;	/* 0: not known */
	void *context;		/* what the program was called with */
	unsigned char *head;
	unsigned char *data;
	__u32 netns_inum; /* 0: not known */
	__u32 ifindex;	  /* 0: the packet has no device here */
	__u32 link_bytes; /* of the packet, how many lie before skb->data */
	__u32 len;	  /* bytes from the packet's first one */
	__u32 linear_len; /* of them, how many are in the linear part; 0: not known */
	__u16 protocol;
	__u8 link; /* enum tap_link */
	__u8 unreadable;
};

/* True when the link header still carries a VLAN tag that the kernel will move to skb metadata. */
static __always_inline bool has_inband_vlan(const struct packet *packet)
{
	return packet->protocol == ETH_P_8021Q || packet->protocol == ETH_P_8021AD;
}

#endif
