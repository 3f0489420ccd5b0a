/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Entries and returns of kernel functions by kprobe, for symbols that BTF does not know
 * (.constprop.0, .isra.0) and kernels without trampolines.
 */
#include "tap.h"

#include <linux/ptrace.h>

#include <bpf/bpf_tracing.h>

#define ENTRY "kprobe"
#define RETURN "kretprobe"
#define CONTEXT_TYPE struct pt_regs
#define PARM_0(ctx) PT_REGS_PARM1(ctx)
#define PARM_1(ctx) PT_REGS_PARM2(ctx)
#define PARM_2(ctx) PT_REGS_PARM3(ctx)
#define ARG(ctx, n) PARM_##n(ctx)
#define PROBED_ARG(ctx, n) ARG(ctx, n)
#define RETURN_VALUE(ctx, arguments) PT_REGS_RC(ctx)
/*
 * A return knows no arguments. It does know where the stack ended when the function was called: no
 * two calls at the same time have the same place. On x86 the return address was there.
 */
#ifdef __TARGET_ARCH_x86
#define CALL_KEY(ctx) (PT_REGS_SP(ctx) + 8)
#else
#define CALL_KEY(ctx) PT_REGS_SP(ctx)
#endif
#define RETURN_KEY(ctx) PT_REGS_SP(ctx)

#include "functions.h"
