/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * A tcx program at the head of a device: sees every packet before any other tc program, changes
 * nothing and hands it on. tcx is younger than the kfuncs (6.6 against 6.2), so there is one build.
 */
#define TAP_BTF_POINTERS
#define TAP_SOCKET_CONTEXT /* skb->data is the first byte here too: tcx_run() pushes it back */
#define TAP_NO_STACK
#include "tap.h"

/* To the next program, or to what comes after tc where there is none. */
#define TCX_NEXT -1

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;

SEC("tc")
int next(struct __sk_buff *context)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(context);

	observe_here(context, skb, skb->dev);
	return TCX_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
