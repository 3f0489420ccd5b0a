/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * A cgroup program at the root of the hierarchy: sees every packet that found an inet socket,
 * before the socket's own filter, and lets all of them pass. The kernel names the socket in skb->sk
 * while programs run, and moves skb->data back to the network header (kernel/bpf/cgroup.c,
 * __cgroup_bpf_run_filter_skb).
 */
#define TAP_BTF_POINTERS
#define TAP_DYNPTR_OF_CONTEXT
#define TAP_NO_STACK
#include "tap.h"

#define CGROUP_PASS 1

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;

SEC("cgroup_skb/ingress")
int take(struct __sk_buff *context)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(context);
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.owner = skb->sk,
	};

	/* Sockets get their cookie when somebody first asks for it. */
	bpf_get_socket_cookie(context);
	observe(context, skb, skb->dev, &what);
	return CGROUP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
