/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Maps that all programs of a session share (the addon creates each once and reuses it in every
 * object), and the constants of one program instance, set before load.
 */
#ifndef TAPTRACE_MAPS_H
#define TAPTRACE_MAPS_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include "event.h"

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* One ring buffer a CPU: with two senders a shared one keeps a third less of the traffic. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

/* struct tap_counters by attach_id. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tap_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct tap_live);
} live SEC(".maps");

/* Devices that events are wanted from, when select_devices is set. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TAP_DEVICE_SETS);
	__type(key, __u32);
	__type(value, struct tap_device_set);
} device_sets SEC(".maps");

/* Those of them that their set has no place for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tap_device);
	__type(value, __u8);
} crowded_devices SEC(".maps");

/* Namespaces (inode numbers) that events are wanted from, when select_netns is set. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} selected_netns SEC(".maps");

/* Devices on which our own packet socket watches the tap from inside. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tap_device);
	__type(value, struct tap_socket_device);
} socket_devices SEC(".maps");

struct packet_note {
	__u64 head; /* 0: the program could not know it */
	__u32 ifindex;
	__u32 len;
};

/* The packet that the first of two programs of a stage saw last on this CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet_note);
} last_seen SEC(".maps");

/* The packet of a device not armed that entered __netif_receive_skb_core last on this CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet_note);
} last_entered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 64 * sizeof(__u64));
} stacks SEC(".maps");

enum frame_start {
	FRAME_AT_MAC_HEADER = 0,
	FRAME_AT_DATA = 1,
	FRAME_DETECT = 2,
	FRAME_AT_NETWORK = 3, /* at skb->data, without a link header */
};

enum nit {
	NIT_UNKNOWN = 0,
	NIT_RAN = 1,
	NIT_SILENT = 2, /* another program watches it, and has not seen the packet */
};

/* Whether filter_match() has been given a body, and what that reads (src/filter/translate.ts). */
const volatile bool has_filter = false;
const volatile __u32 filter_window = 0; /* bytes, at most TAP_FILTER_WINDOW */
/* Nothing in the first eight bytes of an Ethernet frame. */
const volatile bool filter_skips_addresses = false;
const volatile __u32 filter_extensions = 0; /* bit n: extension[n] */
/* The tap lists that this program stands in front of get packets without an in-band VLAN tag. */
const volatile bool before_untag = false;
/* This stage is on the way out: a packet socket would be told PACKET_OUTGOING. */
const volatile bool is_outgoing = false;

const volatile __u16 attach_id = 0;
const volatile __u8 stage = 0;
const volatile __u8 frame_start = FRAME_AT_MAC_HEADER;
/* The packet-socket program serves both taps; TAP_NO_ATTACH_ID: that direction is not wanted. */
const volatile __u16 attach_id_out = TAP_NO_ATTACH_ID;
const volatile __u8 stage_out = 0;
const volatile __u32 only_netns = 0; /* inode number of the one namespace wanted, 0: any */
const volatile bool select_netns = false;
const volatile bool select_devices = false;
/* Sets in `followed` (follow.h), a power of two; 0: nothing is followed. */
const volatile __u32 follow_sets = 0;
/* Also what does not match is told, and marked so. */
const volatile bool look_back = false;
/* rx-tap: leave devices in armed_devices to the packet socket, which watches them more exactly. */
const volatile bool skip_armed = false;
/* rx-tap by packet socket: leave packets to the program at the entry that has seen them. */
const volatile bool skip_entered = false;
/* The first of two programs of this stage: note what was seen; the second: leave that alone. */
const volatile bool leave_note = false;
const volatile bool skip_noted = false;
/* This stage is a tap: say whether its device is armed; the tap lists come after VLAN untagging. */
const volatile bool is_tap = false;
/* Whether dev_queue_xmit_nit ran for the packets of this program, which it does on armed devices.
 */
const volatile __u8 nit = 0;
/* Socket filters that know nothing but their context: the namespace their sockets are in. */
const volatile __u32 own_netns = 0;
const volatile bool want_owner = false;
const volatile bool want_task = true;
/* Arguments that only newer kernels pass to kfree_skb and consume_skb. */
const volatile bool has_reason = false;
const volatile bool has_receiver = false;
const volatile bool has_location = false;
/* No setting of the snaplen is above (TAP_SNAPLEN_MAX at most): larger records need no checking. */
const volatile __u32 snaplen_max = 0;
/* A kernel stack of every packet, whether or not stacks were asked for. */
const volatile bool want_stack = false;
/* Likewise to tcf_classify: the block of filters. */
const volatile bool has_block = false;

/* Whether any of several constants asks something (src/attach/summaries.ts). */
const volatile bool asks_partner = true; /* leave_note and its like */
const volatile bool asks_origin = true;	 /* the packet's device or namespace, before it is wanted */
const volatile bool asks_metadata = true; /* has_metadata() */

#endif
