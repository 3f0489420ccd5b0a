/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The filter of our own packet socket: runs inside the tap itself, once for each round of the tap
 * lists, on the way in and on the way out. It keeps nothing for the socket.
 */
#define TAP_BTF_POINTERS
#define TAP_SOCKET_CONTEXT
#define TAP_NO_STACK
#include "tap.h"

static __always_inline struct observation what_is_seen(const struct __sk_buff *context)
{
	struct observation what = {.attach_id = attach_id, .stage = stage, .is_socket = true};

	if (context->pkt_type == PACKET_OUTGOING) {
		what.attach_id = attach_id_out;
		what.stage = stage_out;
		what.is_socket = false;
		what.is_first = leave_note;
	}
	return what;
}

#ifdef TAP_ACCESS_KFUNC
extern void *bpf_cast_to_kern_ctx(void *context) __ksym;

SEC("socket")
int tap(struct __sk_buff *context)
{
	struct observation what = what_is_seen(context);
	struct sk_buff *skb;

	if (what.attach_id == TAP_NO_ATTACH_ID)
		return 0;
	skb = bpf_cast_to_kern_ctx(context);
	observe(context, skb, skb->dev, &what);
	return 0;
}
#else
SEC("socket")
int tap(struct __sk_buff *context)
{
	struct observation what = what_is_seen(context);

	if (what.attach_id != TAP_NO_ATTACH_ID)
		observe(context, 0, 0, &what);
	return 0;
}
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";
