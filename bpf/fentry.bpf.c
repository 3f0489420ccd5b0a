/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Entries of kernel functions by BPF trampoline. One program for each shape of arguments. */
#ifdef TAP_ACCESS_DIRECT
#define TAP_BTF_POINTERS
#endif
#include "tap.h"

#ifdef TAP_ACCESS_PROBE
/*
 * The address of an sk_buff pointer. 5.10 lets no program load an argument that is a pointer to a
 * pointer (kernel/bpf/btf.c, btf_ctx_access: "type PTR is not a struct"), so even the argument is
 * read by probe: the context is the place where the trampoline saved it.
 */
SEC("fentry")
int skbpp_arg0(unsigned long long *ctx)
{
	struct sk_buff **address = 0, *skb = 0;

	bpf_probe_read_kernel(&address, sizeof(address), ctx);
	bpf_probe_read_kernel(&skb, sizeof(skb), address);
	return skb ? observe_here(ctx, skb, FIELD(skb, dev)) : 0;
}
#endif

SEC("fentry")
int skb_arg0_dev_arg1(unsigned long long *ctx)
{
	return observe_here(ctx, (void *)ctx[0], (void *)ctx[1]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
