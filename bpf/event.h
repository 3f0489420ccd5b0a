/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The record: what one BPF program writes about one packet at one stage.
 *
 * This file is the one source of the record layout. The BPF programs and the addon include it; the
 * TypeScript offsets (src/decode/layout.generated.ts) are generated from the BTF of a compiled
 * object. Every field is naturally aligned and the size is a multiple of 8, so that a consumer may
 * lay typed arrays over it. Fixed-width types only; the including file provides them.
 */
#ifndef TAPTRACE_EVENT_H
#define TAPTRACE_EVENT_H

#define TAP_RECORD_VERSION 1
#define TAP_COMM_BYTES 16
#define TAP_SNAPLEN_MAX 262144
#define TAP_NO_ATTACH_ID 0xffff

/* Bits of tap_record.present: which optional fields the program could know. */
enum tap_present {
	TAP_HAS_SKB = 1 << 0,
	TAP_HAS_HEAD = 1 << 1,
	TAP_HAS_NETNS = 1 << 2,
	TAP_HAS_NETNS_COOKIE = 1 << 3,
	TAP_HAS_IFINDEX = 1 << 4,
	TAP_HAS_IFINDEX_OUT = 1 << 5,
	TAP_HAS_LINK_TYPE = 1 << 6,
	TAP_HAS_PACKET_TYPE = 1 << 7,
	TAP_HAS_MARK = 1 << 8,
	TAP_HAS_HASH = 1 << 9,
	TAP_HAS_QUEUE = 1 << 10,
	TAP_HAS_VLAN = 1 << 11,
	TAP_HAS_GSO = 1 << 12,
	TAP_HAS_CHECKSUM = 1 << 13,
	TAP_HAS_VERDICT = 1 << 14,
	TAP_HAS_REASON = 1 << 15,
	TAP_HAS_LOCATION = 1 << 16,
	TAP_HAS_STACK = 1 << 17,
	TAP_HAS_SOCKET_COOKIE = 1 << 18,
	TAP_HAS_SOCKET_INODE = 1 << 19,
	TAP_HAS_UID = 1 << 20,
	TAP_HAS_TASK = 1 << 21,
	TAP_HAS_CONTEXT = 1 << 22,
	TAP_HAS_ARMED = 1 << 23,
	TAP_HAS_AUX = 1 << 24,
	TAP_HAS_DATA_LAYOUT = 1 << 25,
	TAP_HAS_HOOK = 1 << 26, /* netfilter family and hook number */
};

/* Bits of tap_record.flags: facts that are either true or not known to be. */
enum tap_flag {
	TAP_ARMED = 1 << 0,	 /* a tap list of the device or its namespace is not empty */
	TAP_UNREADABLE = 1 << 1, /* capLen ends where bytes could not be read, not at the snaplen */
	TAP_CLONED = 1 << 2,	 /* skb->cloned */
	TAP_FRAG_LIST = 1 << 3,	 /* skb_shared_info.frag_list is not empty */
	TAP_DEVICE_GONE = 1 << 4, /* skb->dev did not hold a device pointer */
	TAP_AMENDS =
		1 << 5, /* no packet: verdict or aux of this attachment's last record of this skb */
};

/* tap_record.context: what the CPU was doing when the program ran. */
enum tap_context {
	TAP_CONTEXT_PROCESS = 0,
	TAP_CONTEXT_SOFTIRQ = 1, /* or, rarely, a hardirq: both run on an interrupt stack */
};

/* tap_record.choice: why there is a record of the packet. */
enum tap_choice {
	TAP_CHOICE_MATCHED = 1,	    /* it matched here */
	TAP_CHOICE_FOLLOWED = 2,    /* it matched before */
	TAP_CHOICE_LOOKED_BACK = 3, /* neither, but everything was asked for */
};

/* tap_record.link: what the first byte of data[] belongs to. */
enum tap_link {
	TAP_LINK_DEVICE = 0,  /* the link header of a device of type link_type (ARPHRD_*) */
	TAP_LINK_NETWORK = 1, /* no link header: data[] starts at the network header, skb->protocol
				 says which */
};

/*
 * tap_record.aux of the stage delivery, its lowest byte: what became of the packet at the socket it
 * was handed to. Above it is the address of the filter that the socket had (shifted, so that its
 * highest byte is lost): 0 for none, and another number once the filter has been changed.
 */
#define TAP_DELIVERY_FILTER_SHIFT 8

enum tap_delivery {
	TAP_DELIVERY_UNKNOWN = 0, /* other CPUs handed packets to the socket at the same time */
	TAP_DELIVERY_TAKEN = 1,
	TAP_DELIVERY_FILTERED = 2, /* the socket's own filter refused it */
	TAP_DELIVERY_FULL = 3,	   /* no room in its ring or receive buffer */
};

/* What the filter in the kernel says of a packet. */
enum tap_filter {
	TAP_FILTER_NO = 0, /* in a record: it was not asked */
	TAP_FILTER_YES = 1,
	TAP_FILTER_UNDECIDED = 2, /* it asks for what the program cannot read or know here */
};

/* tap_filter_view's reach: bytes that a filter reads without asking for them one by one. */
#define TAP_FILTER_WINDOW 256
#define TAP_FILTER_EXTENSIONS 16

/*
 * What a compiled filter reads of a packet, made ready before it is called: the start of the packet
 * as a packet socket at this stage would get it, and what the kernel knows beside the bytes.
 */
struct tap_filter_view {
	__u32 len;    /* bytes of the packet */
	__u32 valid;  /* of them, in bytes[] */
	__u32 beyond; /* enum tap_filter: the answer to a load that ends behind `valid` */
	__u32 moved;  /* bytes of a VLAN tag that was taken out behind the addresses */
	__u64 room;   /* where a tag was before bytes[] */
	__u8 bytes[TAP_FILTER_WINDOW + 272]; /* the rest is slack that copies may write to */
	/* By offset: SKF_AD_PROTOCOL and its like (linux/filter.h), which count in fours. */
	__u32 extension[TAP_FILTER_EXTENSIONS];
	__u64 taken;  /* 1: in use */
	__u64 loaded; /* bytes that filter_load() has read */
};

/* The fixed header of a record; data_bytes of packet data follow it. */
struct tap_record {
	__u32 record_len; /* header and data, rounded up to 8: the bytes a consumer has to copy */
	__u8 version;	  /* TAP_RECORD_VERSION */
	__u8 stage;	  /* stage number of the stage table */
	__u16 attach_id;  /* index into the attach plan */
	__u64 time_ns;	  /* CLOCK_BOOTTIME */
	__u64 sequence;	  /* per attach_id and CPU, counts lost events too: a gap is a loss */
	__u32 present;	  /* enum tap_present */
	__u32 flags;	  /* enum tap_flag */
	__u32 cpu;
	__u32 len;     /* bytes of the packet from where data[] starts, as a packet socket counts */
	__u32 cap_len; /* bytes of it in data[] */
	__u32 linear_len; /* of len, how many lie in the linear part */
	__u64 skb;
	__u64 head;
	__u64 netns_cookie;
	__u64 location; /* the kernel address that dropped or freed it */
	__u64 socket_cookie;
	__u64 socket_inode;
	__u64 aux; /* typed by the stage's row; of a netfilter link: its slot */
	__u32 netns_inum;
	__u32 ifindex;
	__u32 ifindex_out;
	__u32 mark;
	__u32 hash;
	__u32 gso_type;
	__u32 reason; /* enum skb_drop_reason of the running kernel */
	__s32 verdict;
	__s32 stack_id;
	__u32 pid; /* thread group id: what user space calls the process id */
	__u32 tid;
	__u32 uid; /* owner of the socket: of skb->sk, or of one that the stage is about */
	__u16 gso_size;
	__u16 gso_segs;
	__u16 link_type; /* ARPHRD_* of the device */
	__u16 protocol;	 /* skb->protocol, host byte order */
	__u16 queue;
	__u16 vlan_tci;
	__u16 vlan_protocol; /* host byte order */
	__u16 data_offset;   /* of data[0] from skb->head */
	__u16 checksum_start;
	__u16 checksum_offset;
	__u8 packet_type; /* PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3, OUTGOING 4 */
	__u8 ip_summed;	  /* CHECKSUM_NONE 0, UNNECESSARY 1, COMPLETE 2, PARTIAL 3 */
	__u8 context;	  /* enum tap_context */
	__u8 link;	  /* enum tap_link */
	__u8 frag_count;
	__u8 filter_result; /* enum tap_filter */
	__u8 nf_family;	    /* NFPROTO_* of the hook: IPV4 2, ARP 3, NETDEV 5, BRIDGE 7, IPV6 10 */
	__u8 nf_hook;	    /* hook number of that family */
	__u8 choice;	    /* enum tap_choice */
	__u8 reserved[3];
	char comm[TAP_COMM_BYTES];
};

/* Totals of one attach_id on one CPU. */
struct tap_counters {
	__u64 filtered; /* neither matched nor followed */
	__u64 matched;	/* matched or followed: emitted + lost */
	__u64 emitted;
	__u64 lost_ring; /* the ring buffer had no room */
	__u64 forgotten; /* a followed packet that had not ended made room for another */
	__u64 undecided; /* the filter asks for what cannot be read or known here */
};

/* What may change while programs run: one element of a mapped array, read for every event. */
struct tap_live {
	__u32 snaplen; /* bytes, at most TAP_SNAPLEN_MAX */
	__u32 stacks;  /* 1: take a kernel stack */
	__u32 paused;  /* 1: nothing is recorded: not everything is attached yet, or any more */
};

/* Key of the maps that name devices: ifindexes repeat in every namespace. */
struct tap_device {
	__u32 netns_inum;
	__u32 ifindex;
};

/*
 * Devices that events are wanted from, at the place that a hash of their struct tap_device names: a
 * hash map would cost every packet of every device a call of the kernel, more than a filter does.
 */
#define TAP_DEVICE_SETS 1024
#define TAP_DEVICE_WAYS 4

struct tap_device_set {
	__u64 devices[TAP_DEVICE_WAYS]; /* struct tap_device each; 0: free */
	__u64 is_crowded;		/* 1: further ones are in the map crowded_devices */
};

/* A device with a packet socket of ours, and what its filter cannot find out for itself. */
struct tap_socket_device {
	__u16 link_type; /* ARPHRD_* */
	__u8 link;	 /* enum tap_link */
	__u8 armed;	 /* 0: the socket is about to be opened */
};

#endif
