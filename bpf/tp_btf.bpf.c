/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Tracepoints with BTF arguments. One program for each shape of arguments; the plan names the
 * target. */
#define TAP_BTF_POINTERS
#include "tap.h"

#include <bpf/bpf_tracing.h>

SEC("tp_btf")
int skb_arg0(unsigned long long *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];

	return observe_here(ctx, skb, skb->dev);
}

SEC("tp_btf")
int skb_arg0_dev_arg1(unsigned long long *ctx)
{
	return observe_here(ctx, (void *)ctx[0], (void *)ctx[1]);
}

/* tcp_probe: the packet has no device any more, but its socket is known. */
SEC("tp_btf")
int sk_arg0_skb_arg1(unsigned long long *ctx)
{
	struct sk_buff *skb = (void *)ctx[1];
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.owner = (void *)ctx[0],
	};

	return observe(ctx, skb, skb->dev, &what);
}

/* qdisc_enqueue: (qdisc, txq, skb). */
SEC("tp_btf")
int skb_arg2(unsigned long long *ctx)
{
	struct sk_buff *skb = (void *)ctx[2];

	return observe_here(ctx, skb, skb->dev);
}

/* (skb, rc, dev, len): what the driver answered about a packet that it may have freed already. */
SEC("tp_btf")
int net_dev_xmit(unsigned long long *ctx)
{
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.present = TAP_HAS_VERDICT,
		.verdict = ctx[1],
		.only_key = true,
		.key = ctx[0],
		.len = ctx[3],
	};

	return observe(ctx, 0, (void *)ctx[2], &what);
}

/* 5.10: (skb, location); since 5.17 (skb, location, reason); since 6.11 also the receiving socket.
 */
SEC("tp_btf")
int kfree_skb(unsigned long long *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.present = TAP_HAS_LOCATION,
		.location = ctx[1],
	};

	if (has_reason) {
		what.reason = ctx[2];
		what.present |= TAP_HAS_REASON;
	}
	if (has_receiver)
		what.owner = (void *)ctx[3];
	return observe(ctx, skb, skb->dev, &what);
}

/* Up to 6.1 (skb) alone; then (skb, location). */
SEC("tp_btf")
int consume_skb(unsigned long long *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	struct observation what = {.attach_id = attach_id, .stage = stage};

	if (has_location) {
		what.location = ctx[1];
		what.present = TAP_HAS_LOCATION;
	}
	return observe(ctx, skb, skb->dev, &what);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
