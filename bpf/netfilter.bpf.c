/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * A hook of ours between the base chains of an INET hook, by BPF netfilter links: whatever reaches
 * it has passed the chains before it. One instance serves links of every namespace, hook and
 * family; which link it was is told by the record's hook, family and aux.
 */
#define TAP_BTF_POINTERS
#define TAP_NO_STACK
/* In process context a softirq may run a program in the middle of itself. */
#define TAP_REENTERED
#include "hook_device.h"

#define NF_ACCEPT 1

/* Attach id and, above 16 bits, stage number of each hook that is watched. */
const volatile __u32 at_prerouting = TAP_NO_ATTACH_ID;
const volatile __u32 at_input = TAP_NO_ATTACH_ID;
const volatile __u32 at_forward = TAP_NO_ATTACH_ID;
const volatile __u32 at_output = TAP_NO_ATTACH_ID;
const volatile __u32 at_postrouting = TAP_NO_ATTACH_ID;
/* This instance among those that sit at one hook. */
const volatile __u32 slot = 0;

static __always_inline __u32 place_of(__u8 hook)
{
	switch (hook) {
	case NF_INET_PRE_ROUTING:
		return at_prerouting;
	case NF_INET_LOCAL_IN:
		return at_input;
	case NF_INET_FORWARD:
		return at_forward;
	case NF_INET_LOCAL_OUT:
		return at_output;
	case NF_INET_POST_ROUTING:
		return at_postrouting;
	default:
		return TAP_NO_ATTACH_ID;
	}
}

SEC("netfilter")
int hook(struct bpf_nf_ctx *ctx)
{
	const struct nf_hook_state *state = ctx->state;
	__u32 place = place_of(state->hook);
	struct observation what = {
		.attach_id = place,
		.stage = place >> 16,
		.present = TAP_HAS_HOOK | TAP_HAS_AUX,
		.nf_family = state->pf,
		.nf_hook = state->hook,
		.aux = slot,
		.net = state->net,
	};

	if (what.attach_id == TAP_NO_ATTACH_ID)
		return NF_ACCEPT;
	observe(ctx, ctx->skb, hook_device(state->in, state->out, &what), &what);
	return NF_ACCEPT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
