/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * How kernel memory is read. A mechanism is compiled in one or more of these ways:
 *
 * TAP_ACCESS_KFUNC: direct BTF loads, bpf_rdonly_cast, payload by dynptr or the socket filter's
 * helper. No probe read at all, so it loads under lockdown=confidentiality (6.12+).
 *
 * TAP_ACCESS_PROBE: direct BTF loads where the verifier allows them (TAP_BTF_POINTERS), probe reads
 * for everything else. Every kernel from 5.10, not under confidentiality.
 *
 * TAP_ACCESS_DIRECT: direct BTF loads only: what cannot be had so stays unknown, packet bytes too.
 *
 * TAP_ACCESS_CONTEXT: a socket filter's context alone (context.h).
 */
#ifndef TAPTRACE_ACCESS_H
#define TAPTRACE_ACCESS_H

#include "maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#ifdef TAP_BTF_POINTERS
#define FIELD(pointer, field) ((pointer)->field)
#define BITFIELD(pointer, field) BPF_CORE_READ_BITFIELD(pointer, field)
#else
#define FIELD(pointer, field)                                                     \
	({                                                                        \
		const typeof(*(pointer)) *pointer_ = (pointer);                   \
		typeof((pointer)->field) value_;                                  \
		bpf_core_read((void *)&value_, sizeof(value_), &pointer_->field); \
		value_;                                                           \
	})
#define BITFIELD(pointer, field) BPF_CORE_READ_BITFIELD_PROBED(pointer, field)
#endif

#ifdef TAP_ACCESS_KFUNC
extern void *bpf_rdonly_cast(const void *address, __u32 btf_type_id) __ksym;
/* `address` seen as a kernel struct: loads through it are fault-safe. */
#define KERNEL_STRUCT(address, type) \
	((type *)bpf_rdonly_cast((const void *)(address), bpf_core_type_id_kernel(type)))
#define CAST_FIELD(address, type, field) (KERNEL_STRUCT(address, type)->field)
#elif defined(TAP_ACCESS_PROBE)
/* The address is taken apart first: inside bpf_core_read() its members would be relocated as well.
 */
#define CAST_FIELD(address, type, field)                                 \
	({                                                               \
		const void *address_ = (const void *)(address);          \
		typeof(((type *)0)->field) cast_value_;                  \
		bpf_core_read((void *)&cast_value_, sizeof(cast_value_), \
			      &((const type *)address_)->field);         \
		cast_value_;                                             \
	})
#endif

/*
 * An address as a number: global functions take no pointers, and the verifier keeps apart what is
 * one. What is read back from where it was put is a number.
 */
#ifdef CAST_FIELD
static __always_inline __u64 address_of(const void *pointer)
{
	const void *volatile place = pointer;

	asm volatile("" : : "r"(&place) : "memory");
	return CAST_FIELD((const void *)&place, struct timespec64, tv_sec);
}
#elif defined(TAP_ACCESS_DIRECT)
/* Of this instance, which never interrupts itself on its CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} own_place SEC(".maps");

static __always_inline __u64 address_of(const void *pointer)
{
	__u32 first = 0;
	const void *volatile *place = bpf_map_lookup_elem(&own_place, &first);

	if (!place)
		return 0;
	*place = pointer;
	return *(volatile __u64 *)place;
}
#endif

/* User space never holds a kernel object: a "pointer" below is some other member of a union. */
static __always_inline bool is_kernel_address(const void *pointer)
{
	return (__s64)(unsigned long)pointer < 0;
}

#endif
