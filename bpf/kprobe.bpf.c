/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Entries of kernel functions by kprobe, for symbols that BTF does not know (.constprop.0, .isra.0)
 * and kernels without trampolines. One program for each shape of arguments.
 */
#include "tap.h"

#include <linux/ptrace.h>

#include <bpf/bpf_tracing.h>

/* The address of an sk_buff pointer: __netif_receive_skb_core may replace the skb. */
SEC("kprobe")
int skbpp_arg0(struct pt_regs *ctx)
{
	struct sk_buff *skb = 0;

	bpf_probe_read_kernel(&skb, sizeof(skb), (void *)PT_REGS_PARM1(ctx));
	return skb ? observe_here(ctx, skb, FIELD(skb, dev)) : 0;
}

SEC("kprobe")
int skb_arg0(struct pt_regs *ctx)
{
	struct sk_buff *skb = (void *)PT_REGS_PARM1(ctx);

	return observe_here(ctx, skb, FIELD(skb, dev));
}

SEC("kprobe")
int skb_arg0_dev_arg1(struct pt_regs *ctx)
{
	return observe_here(ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
