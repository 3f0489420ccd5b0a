/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * nf_hook_slow: one function runs the hooks of every family and place (net/netfilter/core.c). The
 * state it is given says which stage this is; what it returns says what the hooks decided: 1 go on,
 * 0 stolen or queued, an errno for a drop.
 */
#ifndef TAPTRACE_HOOK_H
#define TAPTRACE_HOOK_H

#include "amend.h"
#include "hook_device.h"

/* The attachment of each stage, with the stage's number from bit 16 on; not wanted by default. */
const volatile __u32 hook_nf_prerouting = TAP_NO_ATTACH_ID;
const volatile __u32 hook_nf_input = TAP_NO_ATTACH_ID;
const volatile __u32 hook_nf_forward = TAP_NO_ATTACH_ID;
const volatile __u32 hook_nf_output = TAP_NO_ATTACH_ID;
const volatile __u32 hook_nf_postrouting = TAP_NO_ATTACH_ID;
const volatile __u32 hook_nf_ingress = TAP_NO_ATTACH_ID;
const volatile __u32 hook_nf_egress = TAP_NO_ATTACH_ID;

#define NF_HOOK_PASSED 1

/* Calls of nf_hook_slow under way, of packets that a record was written of. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct entered);
} hook_calls SEC(".maps");

static __always_inline __u32 inet_attachment(__u32 hook)
{
	switch (hook) {
	case NF_INET_PRE_ROUTING:
		return hook_nf_prerouting;
	case NF_INET_LOCAL_IN:
		return hook_nf_input;
	case NF_INET_FORWARD:
		return hook_nf_forward;
	case NF_INET_LOCAL_OUT:
		return hook_nf_output;
	case NF_INET_POST_ROUTING:
		return hook_nf_postrouting;
	}
	return TAP_NO_ATTACH_ID;
}

/*
 * include/uapi/linux/netfilter_arp.h, enum nf_dev_hooks. A global function: the verifier takes its
 * result for any number, and does not follow the rest of the program for each stage anew, which
 * those of 5.10 and 6.1 give up.
 */
__attribute__((noinline)) __u32 hook_attachment(__u32 family, __u32 hook)
{
	if (family == NFPROTO_ARP)
		return hook == 0   ? hook_nf_input
		       : hook == 1 ? hook_nf_output
		       : hook == 2 ? hook_nf_forward
				   : TAP_NO_ATTACH_ID;
	if (family == NFPROTO_NETDEV)
		return hook == 0 ? hook_nf_ingress : hook == 1 ? hook_nf_egress : TAP_NO_ATTACH_ID;
	return inet_attachment(hook);
}

static __always_inline int enter_hook(void *context, struct sk_buff *skb,
				      struct nf_hook_state *state, __u64 key)
{
	struct observation what = {
		.present = TAP_HAS_HOOK,
		.nf_family = FIELD(state, pf),
		.nf_hook = FIELD(state, hook),
	};
	__u32 attachment = hook_attachment(what.nf_family, what.nf_hook);
	struct entered entered = {};
	struct net_device *dev;

	what.attach_id = attachment;
	what.stage = attachment >> 16;
	if (what.attach_id == TAP_NO_ATTACH_ID)
		return 0;
	dev = hook_device(FIELD(state, in), FIELD(state, out), &what);
	if (!record_packet(context, skb, dev, &what))
		return 0;
	note_entered(&entered, skb, dev, &what);
	bpf_map_update_elem(&hook_calls, &key, &entered, BPF_ANY);
	return 0;
}

static __always_inline int leave_hook(__u64 key, __s32 verdict)
{
	struct entered *entered = bpf_map_lookup_elem(&hook_calls, &key);
	struct tap_record *record;

	if (!entered)
		return 0;
	record = verdict == NF_HOOK_PASSED ? 0 : reserve_amendment(entered);
	if (record) {
		record->verdict = verdict;
		record->nf_family = entered->nf_family;
		record->nf_hook = entered->nf_hook;
		record->present |= TAP_HAS_VERDICT | TAP_HAS_HOOK;
		bpf_ringbuf_submit(record, 0);
	}
	bpf_map_delete_elem(&hook_calls, &key);
	return 0;
}

#endif
