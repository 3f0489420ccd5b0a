/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The filter of our own packet socket: runs inside the tap itself, once for each round of the tap
 * lists, on the way in and on the way out. It keeps nothing for the socket.
 */
#define TAP_BTF_POINTERS
#define TAP_SOCKET_CONTEXT
#define TAP_NO_STACK
#include "tap.h"

extern void *bpf_cast_to_kern_ctx(void *context) __ksym;

SEC("socket")
int tap(struct __sk_buff *context)
{
	struct observation what = {.attach_id = attach_id, .stage = stage};
	struct sk_buff *skb;

	if (context->pkt_type == PACKET_OUTGOING) {
		what.attach_id = attach_id_out;
		what.stage = stage_out;
		what.tapped_out = mark_tapped;
	}
	if (what.attach_id == TAP_NO_ATTACH_ID)
		return 0;
	skb = bpf_cast_to_kern_ctx(context);
	observe(context, skb, skb->dev, &what);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
