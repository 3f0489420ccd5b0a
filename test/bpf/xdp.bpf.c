/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* XDP and tc programs for devices of test namespaces. struct xdp_md is a stable ABI. */
typedef unsigned int u32;
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
enum { XDP_DROP = 1, XDP_PASS = 2, XDP_TX = 3, TC_ACT_SHOT = 2 };
#define DROPPED_PORT 7 /* test/support/xdp.ts */
#define SECTION(name) __attribute__((section(name), used))

SECTION("xdp_pass") int pass(struct xdp_md *context)
{
	return XDP_PASS;
}

static __attribute__((always_inline)) int to_port(struct xdp_md *context, int action)
{
	unsigned char *frame = (void *)(long)context->data;

	if (frame + 42 > (unsigned char *)(long)context->data_end)
		return XDP_PASS;
	if (frame[12] != 0x08 || frame[13] != 0x00 || frame[14] != 0x45 || frame[23] != 17)
		return XDP_PASS;
	return frame[36] == 0 && frame[37] == DROPPED_PORT ? action : XDP_PASS;
}

SECTION("xdp_drop") int drop(struct xdp_md *context)
{
	return to_port(context, XDP_DROP);
}

SECTION("xdp_tx") int tx(struct xdp_md *context)
{
	return to_port(context, XDP_TX);
}

SECTION("tc_drop") int shot(void *context)
{
	return TC_ACT_SHOT;
}

SECTION("license") char licence[] = "Dual BSD/GPL";
