/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Entries of kernel functions by BPF trampoline. One program for each shape of arguments. */
#define TAP_BTF_POINTERS
#include "tap.h"

SEC("fentry")
int skb_arg0_dev_arg1(unsigned long long *ctx)
{
	return observe_here(ctx, (void *)ctx[0], (void *)ctx[1]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
