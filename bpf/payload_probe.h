/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Packet bytes by probe reads: the linear part from skb->data, page fragments through the kernel's
 * direct map (page -> pfn -> address, include/linux/mm.h page_to_virt()), frag_list buffers
 * likewise.
 */
#ifndef TAPTRACE_PAYLOAD_PROBE_H
#define TAPTRACE_PAYLOAD_PROBE_H

#include "packet.h"

#define PIECE_BYTES 4096
#define PIECES_MAX 192
#define FRAGS_MAX 17

/*
 * Where the kernel keeps the two bases of the direct map, which are randomised at boot: symbols of
 * its image, in the top 2 GiB of the address space, so that 32 bits say all. 0: not known. The
 * addon could have libbpf find them (__ksym), which reads all of kallsyms for each program.
 */
const volatile __s32 vmemmap_base_symbol = 0;
const volatile __s32 page_offset_base_symbol = 0;

struct page___size {
	unsigned long flags;
} __attribute__((preserve_access_index));

/* Where the copy stands: one contiguous piece of kernel memory after the other. */
struct copy_cursor {
	struct sk_buff *skb;
	struct sk_buff *next_list; /* next buffer of the frag_list */
	unsigned char *from;	   /* rest of the piece at hand */
	__u32 from_len;
	__u32 frag;   /* next fragment of skb */
	__u32 done;   /* bytes copied */
	__u32 length; /* bytes wanted */
	unsigned long vmemmap;
	unsigned long page_offset;
};

/*
 * Packets in several pieces are put together here, one place a CPU and program instance: a program
 * never interrupts itself on a CPU (the kernel counts that as a recursion miss). Not on the stack
 * and not in the record, because copy_step() below cannot be given a pointer to either.
 */
struct assembly {
	struct copy_cursor cursor;
	__u8 bytes[TAP_SNAPLEN_MAX + 8 + PIECE_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct assembly);
} own_assemblies SEC(".maps");

static __always_inline void load_direct_map(struct copy_cursor *cursor)
{
	const void *vmemmap = (const void *)(long)vmemmap_base_symbol;
	const void *page_offset = (const void *)(long)page_offset_base_symbol;

	if (vmemmap)
		bpf_probe_read_kernel(&cursor->vmemmap, 8, vmemmap);
	if (page_offset)
		bpf_probe_read_kernel(&cursor->page_offset, 8, page_offset);
}

/* 0 when the fragment is no page of this machine's memory or the direct map is not known. */
static __always_inline unsigned char *page_address(const struct copy_cursor *cursor,
						   unsigned long page)
{
	unsigned long size = bpf_core_type_size(struct page___size);

	if (!cursor->vmemmap || !cursor->page_offset || page & 1 || !size)
		return 0;
	return (unsigned char *)(((page - cursor->vmemmap) / size << 12) + cursor->page_offset);
}

static __always_inline unsigned char *shared_info_of(struct sk_buff *skb)
{
	unsigned char *head;
	unsigned int end;

	bpf_core_read(&head, sizeof(head), &skb->head);
	bpf_core_read(&end, sizeof(end), &skb->end);
	return head + end;
}

static __always_inline bool next_fragment(struct copy_cursor *cursor)
{
	unsigned char *info = shared_info_of(cursor->skb), *frag, *address;
	unsigned long page = 0;
	__u32 offset = 0;
	__u8 count = CAST_FIELD(info, struct skb_shared_info, nr_frags);

	if (cursor->frag >= count || cursor->frag >= FRAGS_MAX)
		return false;
	frag = info + bpf_core_field_offset(struct skb_shared_info, frags);
	if (bpf_core_type_exists(struct skb_frag)) {
		frag += cursor->frag * bpf_core_type_size(struct skb_frag);
		page = CAST_FIELD(frag, struct skb_frag, netmem);
		offset = CAST_FIELD(frag, struct skb_frag, offset);
		cursor->from_len = CAST_FIELD(frag, struct skb_frag, len);
	} else {
		frag += cursor->frag * bpf_core_type_size(struct bio_vec);
		page = (unsigned long)CAST_FIELD(frag, struct bio_vec, bv_page);
		offset = CAST_FIELD(frag, struct bio_vec, bv_offset);
		cursor->from_len = CAST_FIELD(frag, struct bio_vec, bv_len);
	}
	cursor->frag++;
	address = page_address(cursor, page);
	cursor->from = address ? address + offset : 0;
	return true;
}

static __always_inline bool next_list_buffer(struct copy_cursor *cursor)
{
	struct sk_buff *skb = cursor->next_list;
	unsigned int len, data_len;

	if (!skb)
		return false;
	bpf_core_read(&cursor->next_list, sizeof(skb), &skb->next);
	bpf_core_read(&cursor->from, sizeof(cursor->from), &skb->data);
	bpf_core_read(&len, sizeof(len), &skb->len);
	bpf_core_read(&data_len, sizeof(data_len), &skb->data_len);
	cursor->from_len = len - data_len;
	cursor->skb = skb;
	cursor->frag = 0;
	return true;
}

static __always_inline __u32 payload_slack(const struct packet *packet)
{
	return 0;
}

/*
 * One contiguous piece, or a step to the next one; 0 when there is nothing more to read. A global
 * function: the verifier checks it once for itself, whatever the caller's state, so that a loop
 * over it stays cheap on the oldest kernels too.
 */
__attribute__((noinline)) int copy_step(__u32 cpu)
{
	struct assembly *assembly = bpf_map_lookup_elem(&own_assemblies, &cpu);
	struct copy_cursor *cursor;
	__u64 done, piece;

	if (!assembly)
		return 0;
	cursor = &assembly->cursor;
	done = at_most(cursor->done, TAP_SNAPLEN_MAX + 8);
	if (cursor->done >= cursor->length)
		return 0;
	if (!cursor->from_len)
		return next_fragment(cursor) || next_list_buffer(cursor);
	piece = cursor->length - cursor->done;
	if (piece > cursor->from_len)
		piece = cursor->from_len;
	piece = at_most(piece, PIECE_BYTES);
	if (!cursor->from || bpf_probe_read_kernel(assembly->bytes + done, piece, cursor->from))
		return 0;
	cursor->done += piece;
	cursor->from += piece;
	cursor->from_len -= piece;
	return 1;
}

static __always_inline void start_at_linear(struct copy_cursor *cursor, const struct packet *packet,
					    __u32 length)
{
	__builtin_memset(cursor, 0, sizeof(*cursor));
	cursor->skb = packet->skb;
	cursor->from = packet->data - packet->link_bytes;
	cursor->from_len = packet->linear_len;
	cursor->length = length;
	cursor->next_list =
		CAST_FIELD(shared_info_of(packet->skb), struct skb_shared_info, frag_list);
	load_direct_map(cursor);
}

/* All pieces, a global function for the same reason: the loop is verified once. */
__attribute__((noinline)) int copy_pieces(__u32 cpu)
{
	__u32 step;

	for (step = 0; step < PIECES_MAX; step++)
		if (!copy_step(cpu))
			break;
	return step;
}

/* Puts a packet together that lies in several pieces; returns where, and how much could be read. */
static __always_inline struct assembly *assemble(const struct packet *packet, __u32 length)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct assembly *assembly = bpf_map_lookup_elem(&own_assemblies, &cpu);

	if (!assembly)
		return 0;
	start_at_linear(&assembly->cursor, packet, length);
	copy_pieces(cpu);
	return assembly;
}

static __always_inline __u32 copy_packet(struct packet *packet, void *to, __u32 length, __u32 room,
					 __u32 slack)
{
	const void *from = packet->data - packet->link_bytes;
	struct assembly *assembly;
	__u64 done = length;

	if (length > packet->linear_len) {
		assembly = assemble(packet, length);
		done = assembly ? assembly->cursor.done : 0;
		from = assembly ? assembly->bytes : from;
	}
	done = at_most(done, room);
	if (bpf_probe_read_kernel(to, done, from))
		done = 0;
	packet->unreadable = done < length;
	return done;
}

static __always_inline bool load_at(const struct packet *packet, void *to, __u64 offset, __u64 size)
{
	const void *from = packet->data - packet->link_bytes + offset;
	struct assembly *assembly;

	if (offset + size > packet->linear_len) {
		assembly = assemble(packet, at_most(offset + size, TAP_SNAPLEN_MAX));
		if (!assembly || assembly->cursor.done < offset + size)
			return false;
		from = assembly->bytes + at_most(offset, TAP_SNAPLEN_MAX);
	}
	return !bpf_probe_read_kernel(to, at_most(size, 8), from);
}

#endif
