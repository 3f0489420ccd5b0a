/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * The kernel types our programs touch, reduced to the members they use.
 *
 * No kernel's vmlinux.h is baked in: every access is relocated by name against the BTF of the
 * kernel at load (CO-RE), so order, offsets and bit positions here mean nothing. `___suffix` names
 * are flavours: the same kernel type as another kernel version declares it.
 */
#ifndef TAPTRACE_KERNEL_H
#define TAPTRACE_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#define PACKET_OUTGOING 4
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12
#define PACKET_LOOPBACK 5
#define NFPROTO_ARP 3
#define NFPROTO_NETDEV 5

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

/* Only a place to load eight bytes from any address through, see load_u64(). */
struct timespec64 {
	long long tv_sec;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
	__u64 net_cookie;	    /* plain since 5.12 */
	struct list_head ptype_all; /* one list a namespace since 6.18, before that one for all */
};

typedef struct {
	struct net *net;
} possible_net_t;

struct header_ops {
	int (*create)(void);
};

struct net_device {
	int ifindex;
	unsigned short type;
	possible_net_t nd_net;
	const struct header_ops *header_ops;
	struct list_head ptype_all;
};

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common {
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
};

typedef struct {
	__u32 val;
} kuid_t;

struct inode {
	unsigned long i_ino;
};

struct socket {
	int state;
};

/* Inode and socket of one open socket lie side by side (net/socket.c, SOCK_INODE). */
struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct sk_filter;

struct sock {
	struct sock_common __sk_common;
	struct sk_filter *sk_filter;
	struct socket *sk_socket;
	kuid_t sk_uid;
};

struct Qdisc {
	unsigned int flags;
};

struct tcf_block {
	struct Qdisc *q;
};

struct tcf_chain {
	struct tcf_block *block;
};

struct tcf_proto {
	struct tcf_chain *chain;
};

struct xdp_rxq_info {
	struct net_device *dev;
};

struct xdp_buff {
	unsigned char *data;
	unsigned char *data_end;
	unsigned char *data_hard_start;
	struct xdp_rxq_info *rxq;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	int skb_iif;
	unsigned long _skb_refdst;
	__u8 tc_at_ingress : 1;
	unsigned int len;
	unsigned int data_len;
	__u16 queue_mapping;
	__u8 cloned : 1;
	__u8 pkt_type : 3;
	__u8 ip_summed : 2;
	__u32 mark;
	__u32 hash;
	__u16 vlan_proto; /* big endian */
	__u16 vlan_tci;
	__u16 csum_start;
	__u16 csum_offset;
	__u16 protocol; /* big endian */
	__u16 network_header;
	__u16 mac_header;
	unsigned char *head;
	unsigned char *data;
	unsigned int end; /* an offset on every 64-bit kernel (NET_SKBUFF_DATA_USES_OFFSET) */
	struct sk_buff *next;
};

/* Up to 6.1 a bit says that vlan_tci is valid; later it is valid when it or vlan_proto is not 0. */
struct sk_buff___vlan_bit {
	__u8 vlan_present : 1;
};

/* `hook` was an unsigned int up to 5.10: its first byte says as much. */
struct nf_hook_state {
	__u8 hook;
	__u8 pf;
	struct net_device *in;
	struct net_device *out;
	struct net *net;
};

/* What a netfilter program is called with (net/netfilter/nf_bpf_link.c). */
struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

typedef struct {
	int counter;
} atomic_t;

struct page;

/* Up to 6.6 a fragment is a bio_vec; later a skb_frag whose netmem may be no page at all. */
struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

struct skb_frag {
	unsigned long netmem;
	unsigned int len;
	unsigned int offset;
};

struct skb_shared_info {
	__u8 nr_frags;
	unsigned short gso_size;
	unsigned short gso_segs;
	unsigned int gso_type;
	struct sk_buff *frag_list;
	atomic_t dataref;
	struct bio_vec frags[17];
};

/* Low bits of skb->_skb_refdst are flags (include/linux/skbuff.h, SKB_DST_NOREF). */
struct dst_entry {
	struct net_device *dev;
};

struct packet_type {
	void *af_packet_priv; /* the socket, for packet_rcv and tpacket_rcv */
};

struct tpacket_stats {
	unsigned int tp_packets;
};

union tpacket_stats_u {
	struct tpacket_stats stats1;
};

struct packet_sock {
	union tpacket_stats_u stats;
	atomic_t tp_drops;
};

struct cred {
	kuid_t uid;
};

struct task_struct {
	void *stack;
	unsigned int flags;
	int pid;  /* of the thread */
	int tgid; /* of the process */
	char comm[16];
	const struct cred *cred;
};

/* Under a name of its own: asm/ptrace.h has one for user space, with other member names. */
struct pt_regs___kernel {
	unsigned long orig_ax;
};

#pragma clang attribute pop

#endif
