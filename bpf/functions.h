/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Kernel functions that hand over a packet, by the shape of their arguments. Whether an entry is
 * caught by fentry or kprobe makes no difference to what is done with it: ARG() says how an
 * argument is had.
 */
#ifndef TAPTRACE_FUNCTIONS_H
#define TAPTRACE_FUNCTIONS_H

#include "delivery.h"
#include "hook.h"

SEC(ENTRY)
int skb_arg0(CONTEXT_TYPE *ctx)
{
	struct sk_buff *skb = (void *)ARG(ctx, 0);

	return observe_here(ctx, skb, FIELD(skb, dev));
}

SEC(ENTRY)
int skb_arg1(CONTEXT_TYPE *ctx)
{
	struct sk_buff *skb = (void *)ARG(ctx, 1);

	return observe_here(ctx, skb, FIELD(skb, dev));
}

SEC(ENTRY)
int skb_arg0_dev_arg1(CONTEXT_TYPE *ctx)
{
	return observe_here(ctx, (void *)ARG(ctx, 0), (void *)ARG(ctx, 1));
}

/* The socket that a packet was found to be for, which skb->sk does not say. */
SEC(ENTRY)
int sk_arg0_skb_arg1(CONTEXT_TYPE *ctx)
{
	struct sk_buff *skb = (void *)ARG(ctx, 1);
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.owner = (void *)ARG(ctx, 0),
	};

	return observe(ctx, skb, FIELD(skb, dev), &what);
}

/* tcf_classify: which of its two callers in net/core/dev.c it was, a bit of the packet tells. */
SEC(ENTRY)
int tc_ingress(CONTEXT_TYPE *ctx)
{
	struct sk_buff *skb = (void *)ARG(ctx, 0);

	return BITFIELD(skb, tc_at_ingress) ? observe_here(ctx, skb, FIELD(skb, dev)) : 0;
}

/*
 * Classful qdiscs call it too, and give no block (net/sched/sch_htb.c, htb_classify). 5.10 has no
 * such argument: there their calls cannot be told from those of clsact.
 */
SEC(ENTRY)
int tc_egress(CONTEXT_TYPE *ctx)
{
	struct sk_buff *skb = (void *)ARG(ctx, 0);

	if (BITFIELD(skb, tc_at_ingress) || (has_block && !ARG(ctx, 1)))
		return 0;
	return observe_here(ctx, skb, FIELD(skb, dev));
}

SEC(ENTRY)
int hook_entry(CONTEXT_TYPE *ctx)
{
	return enter_hook(ctx, (void *)ARG(ctx, 0), (void *)ARG(ctx, 1), CALL_KEY(ctx));
}

SEC(RETURN)
int hook_return(CONTEXT_TYPE *ctx)
{
	return leave_hook(RETURN_KEY(ctx), RETURN_VALUE(ctx, 4));
}

#ifdef TAP_ACCESS_PROBE
/* The address of an sk_buff pointer: the function may replace the packet. */
SEC(ENTRY)
int skbpp_arg0(CONTEXT_TYPE *ctx)
{
	struct sk_buff **address = (void *)PROBED_ARG(ctx, 0), *skb = 0;

	bpf_probe_read_kernel(&skb, sizeof(skb), address);
	return skb ? observe_here(ctx, skb, FIELD(skb, dev)) : 0;
}

/* ip_output(net, sk, skb): the device that it leaves by is still that of the route. */
SEC(ENTRY)
int skb_arg2_route(CONTEXT_TYPE *ctx)
{
	struct sk_buff *skb = (void *)ARG(ctx, 2);
	unsigned long route = FIELD(skb, _skb_refdst) & ~1ul;

	return observe_here(ctx, skb, route ? CAST_FIELD(route, struct dst_entry, dev) : 0);
}

SEC(ENTRY)
int delivery_entry(CONTEXT_TYPE *ctx)
{
	return enter_delivery(ctx, (void *)ARG(ctx, 0), (void *)ARG(ctx, 1), (void *)ARG(ctx, 2));
}

SEC(RETURN)
int delivery_return(CONTEXT_TYPE *ctx)
{
	return leave_delivery();
}
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#endif
