/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/* Entries and returns of kernel functions by BPF trampoline. */
#ifdef TAP_ACCESS_DIRECT
#define TAP_BTF_POINTERS
#endif
#include "tap.h"

#define ENTRY "fentry"
#define RETURN "fexit"
#define CONTEXT_TYPE unsigned long long
#define ARG(ctx, n) ((ctx)[n])
#define RETURN_VALUE(ctx, arguments) ((ctx)[arguments])
/* The state lies on the stack of the caller: no two calls at the same time have the same one. */
#define CALL_KEY(ctx) ((ctx)[1])
#define RETURN_KEY(ctx) ((ctx)[1])

/*
 * 5.10 lets no program load an argument that is a pointer to a pointer (kernel/bpf/btf.c,
 * btf_ctx_access: "type PTR is not a struct"), so even the argument is read by probe: the context
 * is the place where the trampoline saved it.
 */
#define PROBED_ARG(ctx, n)                                                       \
	({                                                                       \
		unsigned long long argument_ = 0;                                \
		bpf_probe_read_kernel(&argument_, sizeof(argument_), &(ctx)[n]); \
		argument_;                                                       \
	})

#include "functions.h"
