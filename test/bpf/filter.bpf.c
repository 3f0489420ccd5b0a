/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The filter alone, as every program of ours asks it, for BPF_PROG_TEST_RUN: what a program returns
 * is the filter's answer. Knows nothing but its context, and so loads on every kernel.
 */
#define TAP_SOCKET_CONTEXT
#define TAP_NO_STACK
#include "tap.h"

static __always_inline int answer(struct __sk_buff *context)
{
	struct packet packet = {.context = context};

	find_origin(&packet);
	find_packet(&packet);
	return filter_packet(&packet);
}

/* cb[]: 1 for a tag beside the bytes, its protocol and its tci; then the packet's type. */
SEC("tc")
int frame(struct __sk_buff *context)
{
	if (context->cb[0])
		bpf_skb_vlan_push(context, bpf_htons(context->cb[1]), context->cb[2]);
	bpf_skb_change_type(context, context->cb[3]);
	return answer(context);
}

/* Test runs hand it the packet behind its Ethernet header. */
SEC("socket")
int packet(struct __sk_buff *context)
{
	return answer(context);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
