/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The in-kernel filter: one subprogram that every program calls before anything is reserved. What
 * is compiled here lets every packet pass; the addon puts another body in its place before load.
 */
#ifndef TAPTRACE_FILTER_H
#define TAPTRACE_FILTER_H

#include "packet.h"

/* Non-zero: the packet is wanted. The empty asm keeps the compiler from folding the answer. */
static __attribute__((noinline)) int filter_match(struct packet *packet)
{
	int wanted = 1;

	asm volatile("" : "+r"(wanted), "+r"(packet));
	return wanted;
}

#endif
