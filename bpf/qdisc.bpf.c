/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * qdisc_dequeue: (qdisc, txq, packets, skb). One call for all packets that were taken out together,
 * chained by skb->next, and also for none. No kfunc build: a dynptr is to be had of a packet that
 * the kernel vouches for only, which it does not for the later ones of a chain.
 */
#define TAP_BTF_POINTERS
#include "tap.h"

/*
 * Bulk dequeue takes one packet and up to 8 more; of a device with a single queue and a byte queue
 * limit as many as that has room for (net/sched/sch_generic.c, try_bulk_dequeue_skb). More are told
 * as lost: the verifiers of 5.10 and 6.1 follow each round of the loop anew and give up after a
 * million instructions.
 */
#define CHAIN_MAX 9

/* Packets of the chain that found no place in the loop below: they are told as lost. */
static __always_inline void count_rest(int packets)
{
	struct tap_counters *count = lookup(&counters, attach_id);

	if (!count || packets <= CHAIN_MAX)
		return;
	count->matched += packets - CHAIN_MAX;
	count->lost_ring += packets - CHAIN_MAX;
}

/*
 * False where nothing was taken out. Most verifiers believe that an argument of a tracepoint is
 * never 0 and would take a comparison with 0 out of the program; that it is no negative number they
 * do not think of. (6.13 and later want to see the comparison with 0.)
 */
static __always_inline bool is_there(struct sk_buff *skb)
{
	if (!skb)
		return false;
	asm volatile("" : "+r"(skb));
	return is_kernel_address(skb);
}

SEC("tp_btf")
int qdisc_dequeue(unsigned long long *ctx)
{
	struct sk_buff *skb = (void *)ctx[3];
	int i, packets = ctx[2];

	if (!is_there(skb))
		return 0;
	for (i = 0; i < CHAIN_MAX; i++) {
		if (!skb)
			return 0;
		observe_here(ctx, skb, skb->dev);
		skb = skb->next;
	}
	if (skb)
		count_rest(packets);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
