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

/* include/net/sch_generic.h: the qdisc is ingress or clsact. */
#define TCQ_F_INGRESS 2

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
 * Classful qdiscs call it too, for filters of their own (net/sched/sch_htb.c, htb_classify). Which
 * qdisc filters hang on is told by their block; one that has none is shared, and only ingress and
 * clsact share. (What calls it gives no block at egress either: net/sched/sch_ingress.c,
 * clsact_init.)
 */
static __always_inline bool is_of_clsact(struct tcf_proto *filters)
{
	struct tcf_chain *chain = filters ? FIELD(filters, chain) : 0;
	struct tcf_block *block = chain ? FIELD(chain, block) : 0;
	struct Qdisc *qdisc = block ? FIELD(block, q) : 0;

	return block && (!qdisc || FIELD(qdisc, flags) & TCQ_F_INGRESS);
}

/* Kernel 5.10 passes no block before the filters. */
SEC(ENTRY)
int tc_egress(CONTEXT_TYPE *ctx)
{
	struct sk_buff *skb = (void *)ARG(ctx, 0);
	unsigned long second = ARG(ctx, 1), third = ARG(ctx, 2);

	/* Loaded one by one: no verifier takes one load from either of two places of the context.
	 */
	asm volatile("" : "+r"(second), "+r"(third));
	if (BITFIELD(skb, tc_at_ingress) || !is_of_clsact((void *)(has_block ? third : second)))
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
