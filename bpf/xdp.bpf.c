/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The return of the XDP program of a device, by BPF trampoline: its verdict, and the frame as it
 * left it.
 */
#define TAP_FRAME
#define TAP_NO_STACK
#include "tap.h"

/*
 * The argument is read by probe, since its type is what the watched program says of it. Programs
 * whose types the verifier did not find reliable count as functions of five arguments
 * (kernel/bpf/btf.c, btf_distill_func_proto), so the place of the result is asked for where that
 * can be done (5.17).
 */
static __always_inline __u64 verdict_of(unsigned long long *ctx)
{
	__u64 verdict = 0;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_ret))
		bpf_get_func_ret(ctx, &verdict);
	else
		bpf_probe_read_kernel(&verdict, sizeof(verdict), &ctx[1]);
	return verdict;
}

SEC("fexit")
int verdict(unsigned long long *ctx)
{
	struct xdp_buff *frame = 0;
	struct observation what = {
		.attach_id = attach_id,
		.stage = stage,
		.present = TAP_HAS_VERDICT,
		.verdict = verdict_of(ctx),
	};
	struct net_device *dev;

	bpf_probe_read_kernel(&frame, sizeof(frame), ctx);
	dev = FIELD(FIELD(frame, rxq), dev);
	what.frame = frame;
	return observe(ctx, 0, dev, &what);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
