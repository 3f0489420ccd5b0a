/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Which packets are wanted by what the kernel knows of them, beside the filter over their bytes.
 * Every question that was not asked is a constant, and the verifier takes it out of the program.
 * What a program cannot find out does not match; the user is told which those are
 * (src/trace/blind-filters.ts).
 */
#ifndef TAPTRACE_SELECT_H
#define TAPTRACE_SELECT_H

#include "flow.h"
#include "observation.h"
#include "task.h"

#define SELECTED_MAX 64

/* A task's name, filled with zeros to its end. */
struct comm {
	__u64 words[2];
};

#define SELECTED(name, bytes)                      \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_HASH);   \
		__uint(max_entries, SELECTED_MAX); \
		__uint(key_size, bytes);           \
		__uint(value_size, 1);             \
	} name SEC(".maps")

SELECTED(selected_reasons, sizeof(__u32));
SELECTED(selected_pids, sizeof(__u32));
SELECTED(selected_comms, sizeof(struct comm));
SELECTED(selected_uids, sizeof(__u32));

const volatile bool select_mark = false;
const volatile __u32 mark_value = 0;
const volatile __u32 mark_mask = 0;
const volatile __u32 min_len = 0;
const volatile __u32 max_len = 0xffffffff;
const volatile __u32 sample_flows = 0; /* one of so many; 0: all */
const volatile bool select_reasons = false;
const volatile bool select_pids = false;
const volatile bool select_comms = false;
const volatile bool select_uids = false;
/* Only packets that come in (1), or go out (2). */
const volatile __u8 select_direction = 0;
/* Bit n: whatever passes stage n comes in, or goes out. Elsewhere the packet's type tells. */
const volatile __u64 stages_in = 0;
const volatile __u64 stages_out = 0;

enum direction {
	DIRECTION_IN = 1,
	DIRECTION_OUT = 2,
};

static __always_inline __u8 packet_type_of(const struct packet *packet)
{
#if defined(TAP_FRAME)
	return 0;
#elif defined(TAP_ACCESS_CONTEXT)
	return CONTEXT(packet)->pkt_type;
#else
	return BITFIELD(packet->skb, pkt_type);
#endif
}

static __always_inline bool goes(const struct packet *packet, const struct observation *what)
{
	bool is_out;

	if (stages_in >> what->stage & 1)
		return select_direction == DIRECTION_IN;
	if (stages_out >> what->stage & 1)
		return select_direction == DIRECTION_OUT;
	is_out = !what->only_key && packet_type_of(packet) == PACKET_OUTGOING;
	return is_out == (select_direction == DIRECTION_OUT);
}

static __always_inline bool has_mark(const struct packet *packet, const struct observation *what)
{
#if defined(TAP_FRAME)
	return false;
#elif defined(TAP_ACCESS_CONTEXT)
	return (CONTEXT(packet)->mark & mark_mask) == mark_value;
#else
	return !what->only_key && (FIELD(packet->skb, mark) & mark_mask) == mark_value;
#endif
}

static __always_inline bool has_reason_asked(const struct observation *what)
{
	return what->present & TAP_HAS_REASON && lookup(&selected_reasons, what->reason);
}

static __always_inline bool is_sampled(const struct packet *packet, const struct observation *what)
{
#if defined(TAP_ACCESS_CONTEXT) || defined(CAST_FIELD)
	return !what->only_key && (flow_hash(packet) >> 16) % sample_flows == 0;
#else
	return false;
#endif
}

/* Whether the kernel works for a task that was asked for. */
#if defined(CAST_FIELD) && !defined(TAP_FRAME)
/* Up to 5.16 what an earlier name left behind may follow the name's end (strlcpy). */
static __always_inline void cut_at_end(struct comm *comm)
{
	__u64 ends = (comm->words[0] - 0x0101010101010101) & ~comm->words[0] & 0x8080808080808080;

	if (ends) {
		comm->words[0] &= ((ends & -ends) >> 7) - 1;
		comm->words[1] = 0;
		return;
	}
	ends = (comm->words[1] - 0x0101010101010101) & ~comm->words[1] & 0x8080808080808080;
	if (ends)
		comm->words[1] &= ((ends & -ends) >> 7) - 1;
}

/* Global functions: the verifier checks them once, and not in every state of the program. */
__attribute__((noinline)) __u32 works_for_selected(__u64 on_stack)
{
	__u64 task = bpf_get_current_task();
	struct comm comm;

	read_comm(task, comm.words);
	if (!works_for(task, comm.words[0], on_stack))
		return 0;
	if (select_pids &&
	    !lookup(&selected_pids, (__u32)CAST_FIELD(task, struct task_struct, tgid)))
		return 0;
	cut_at_end(&comm);
	return !select_comms || bpf_map_lookup_elem(&selected_comms, &comm);
}

__attribute__((noinline)) __u32 works_for_selected_user(__u64 on_stack)
{
	__u64 task = bpf_get_current_task(), cred;
	struct comm comm;

	read_comm(task, comm.words);
	if (!works_for(task, comm.words[0], on_stack))
		return 0;
	cred = (unsigned long)CAST_FIELD(task, struct task_struct, cred);
	return lookup(&selected_uids, CAST_FIELD(cred, struct cred, uid.val)) != 0;
}

static __always_inline bool is_of_task(const struct packet *packet)
{
	return works_for_selected(address_of(ON_STACK(packet)));
}

static __always_inline bool is_of_tasks_user(const struct packet *packet)
{
	return works_for_selected_user(address_of(ON_STACK(packet)));
}
#else
static __always_inline bool is_of_task(const struct packet *packet)
{
	return false;
}

static __always_inline bool is_of_tasks_user(const struct packet *packet)
{
	return false;
}
#endif

/* The owner of the packet's socket; without one, the task that is at work on the packet. */
static __always_inline bool is_of_user(const struct packet *packet, const struct observation *what)
{
#if !defined(TAP_ACCESS_CONTEXT) && !defined(TAP_FRAME)
	struct sock *sk = packet->owner;
	unsigned char state;

	if (!sk && !what->only_key)
		sk = FIELD(packet->skb, sk);
	if (!sk)
		return is_of_tasks_user(packet);
	state = FIELD(sk, __sk_common.skc_state);
	/* Small structs that end before sk_uid (include/net/inet_timewait_sock.h). */
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return false;
	return lookup(&selected_uids, FIELD(sk, sk_uid.val));
#else
	return false;
#endif
}

/* True where packets of other devices are looked at too. */
static __always_inline bool looks_everywhere(void)
{
	return follow_sets || look_back;
}

/* Whether events of a device_key() are wanted. */
static __always_inline bool is_selected(__u64 device)
{
	__u64 place = (device * 0x9e3779b97f4a7c15) >> 32 & (TAP_DEVICE_SETS - 1);
	struct tap_device_set *set = lookup(&device_sets, place);
	int way;

	if (!set || !device)
		return false;
#pragma unroll
	for (way = 0; way < TAP_DEVICE_WAYS; way++)
		if (set->devices[way] == device)
			return true;
	return set->is_crowded && lookup(&crowded_devices, device);
}

static __always_inline bool is_on_device(const struct packet *packet)
{
	if (!select_devices || is_selected(device_key(packet, packet->ifindex)))
		return true;
	return packet->ifindex_out && is_selected(device_key(packet, packet->ifindex_out));
}

/* A packet whose namespace is not known cannot be said to be foreign. */
static __always_inline bool is_in_netns(const struct packet *packet)
{
	__u64 netns_inum = packet->netns_inum;

	if (netns_inum && only_netns && netns_inum != only_netns)
		return false;
	return !netns_inum || !select_netns || lookup(&selected_netns, netns_inum);
}

/* Packets of other devices are of interest only to what was followed to them. */
static __always_inline bool is_from_wanted(const struct packet *packet)
{
	return is_in_netns(packet) && (looks_everywhere() || is_on_device(packet));
}

static __always_inline bool has_metadata(struct packet *packet, const struct observation *what)
{
	if (select_direction && !goes(packet, what))
		return false;
	if (packet->len < min_len || packet->len > max_len)
		return false;
	if (select_mark && !has_mark(packet, what))
		return false;
	if (select_reasons && !has_reason_asked(what))
		return false;
	if ((select_pids || select_comms) && !is_of_task(packet))
		return false;
	if (select_uids && !is_of_user(packet, what))
		return false;
	return !sample_flows || is_sampled(packet, what);
}

#endif
