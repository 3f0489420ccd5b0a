/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The task at hand, and whether the kernel works for it or has interrupted it. By kernel memory and
 * not by bpf_get_current_pid_tgid() and _comm(): socket filters may call those only since 6.18.
 */
#ifndef TAPTRACE_TASK_H
#define TAPTRACE_TASK_H

#include "packet.h"

#define THREAD_STACK_BYTES                                                    \
	16384 /* arch/x86, arch/arm64: THREAD_SIZE without KASAN, 4 KiB pages \
	       */
#define PF_KTHREAD 0x00200000

/*
 * Any address on the kernel stack of the moment. Tracing programs may have a private stack (6.13+),
 * but their context lies on the kernel's; a socket filter's context is the skb, its stack is real.
 */
#ifdef TAP_SOCKET_CONTEXT
#define ON_STACK(packet) ((const void *)(packet))
#else
#define ON_STACK(packet) ((packet)->context)
#endif

#ifdef CAST_FIELD
static __always_inline void read_comm(__u64 task, __u64 *words)
{
	__u64 comm = task + bpf_core_field_offset(struct task_struct, comm);

	words[0] = CAST_FIELD(comm, struct timespec64, tv_sec);
	words[1] = CAST_FIELD(comm + 8, struct timespec64, tv_sec);
}

/* "ksoftirq", little-endian. */
#define KSOFTIRQ 0x71726974666f736b

#ifdef __TARGET_ARCH_x86
/*
 * For an interrupt that hits user mode, and the softirqs behind it, x86 stays on the task's own
 * stack (asm/irq_stack.h, call_on_irqstack_cond). The registers saved at its top tell: an interrupt
 * leaves -1 where a system call leaves its number.
 */
static __always_inline bool interrupted_user_mode(unsigned long stack)
{
	unsigned long registers =
		stack + THREAD_STACK_BYTES - bpf_core_type_size(struct pt_regs___kernel);

	/* Since 5.15, and needed since 6.9, where CONFIG_X86_FRED leaves room above them. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		registers = (unsigned long)bpf_task_pt_regs(bpf_get_current_task_btf());
	return CAST_FIELD(registers, struct pt_regs___kernel, orig_ax) == -1ul;
}
#else
static __always_inline bool interrupted_user_mode(unsigned long stack)
{
	return false;
}
#endif

/*
 * What this CPU was doing. The preemption count would say it, but its symbol is missing from many
 * kernels' kallsyms. Softirqs run on a stack of their own (CONFIG_HAVE_SOFTIRQ_ON_OWN_STACK), so an
 * address on the current stack says as much: not on the task's stack means the task was
 * interrupted. The exceptions are ksoftirqd, which serves softirqs on its own task's stack, and
 * interrupts of user mode.
 */
static __always_inline bool works_for(__u64 task, __u64 comm_start, __u64 on_stack)
{
	unsigned long stack = (unsigned long)CAST_FIELD(task, struct task_struct, stack);

	if (on_stack - stack >= THREAD_STACK_BYTES)
		return false;
	if (CAST_FIELD(task, struct task_struct, flags) & PF_KTHREAD)
		return comm_start != KSOFTIRQ;
	return !interrupted_user_mode(stack);
}
#endif

#endif
