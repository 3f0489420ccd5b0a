/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Which devices a packet is between at a netfilter hook. */
#ifndef TAPTRACE_HOOK_DEVICE_H
#define TAPTRACE_HOOK_DEVICE_H

#include "tap.h"

/* include/uapi/linux/netfilter.h; the bridge family has the same numbers. */
enum inet_hook {
	NF_INET_PRE_ROUTING = 0,
	NF_INET_LOCAL_IN = 1,
	NF_INET_FORWARD = 2,
	NF_INET_LOCAL_OUT = 3,
	NF_INET_POST_ROUTING = 4,
};

/*
 * The device to show the packet at; what->dev_out becomes the one it will leave by, where that is
 * another one. At POST_ROUTING a forwarded packet still has its input device in the state, but is
 * on its way out of the other.
 */
static __always_inline struct net_device *hook_device(struct net_device *in, struct net_device *out,
						      struct observation *what)
{
	if (!in || what->nf_hook == NF_INET_POST_ROUTING)
		return out;
	what->dev_out = out;
	return in;
}

#endif
