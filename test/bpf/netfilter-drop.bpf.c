/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* A netfilter hook of somebody else: it drops everything. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define NF_DROP 0

SEC("netfilter")
int drop_all(void *ctx)
{
	return NF_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
