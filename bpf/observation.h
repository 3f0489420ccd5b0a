/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* What a mechanism knows beside the packet: who it is for, and its own fields. */
#ifndef TAPTRACE_OBSERVATION_H
#define TAPTRACE_OBSERVATION_H

#include "packet.h"

struct observation {
	__u16 attach_id;
	__u8 stage;
	__u32 present;	/* of the fields below */
	bool is_first;	/* another program of this stage follows for the same packet */
	bool is_socket; /* our packet socket's turn on the way in */
	__u32 reason;
	__s32 verdict;
	__u64 location;
	struct sock *owner;	/* the socket to name; 0: skb->sk */
	struct xdp_buff *frame; /* in the place of an skb */
	/* At a netfilter hook; nf_family 0: elsewhere. */
	__u8 nf_family;
	__u8 nf_hook;
	__u64 aux;
	struct net *net;	    /* 0: the device's, or the socket's */
	struct net_device *dev_out; /* where the packet leaves, beside the device it came by */
	/* The packet may be freed by now: its address is a key, never followed. */
	bool only_key;
	__u64 key;
	__u32 len;
};

#endif
