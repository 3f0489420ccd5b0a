/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * A number for the flow of a packet, the same in both directions: made of addresses, ports and
 * protocol of the outermost IP header. Fragments, and IPv6 packets with extension headers, have
 * that of their addresses alone; what is not IP has that of its protocol.
 */
#ifndef TAPTRACE_FLOW_H
#define TAPTRACE_FLOW_H

#include "packet.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_DCCP 33
#define IPPROTO_SCTP 132
#define IPPROTO_UDPLITE 136
/* A tag of the provider around one of the customer. */
#define VLAN_TAGS_MAX 2

/* The headers of a packet, as numbers: what a global function may be given. */
struct headers {
	__u64 start; /* the packet's first byte; of a socket filter nothing, but its context */
	struct __sk_buff *context;
	__u32 bytes; /* that can be read */
};

#if defined(TAP_ACCESS_CONTEXT)
/* Eight bytes of the packet; 0 where it has none there. */
static __always_inline __u64 header_u64(const struct headers *headers, __u32 offset)
{
	__u64 value = 0;

	bpf_skb_load_bytes(headers->context, offset, &value, sizeof(value));
	return value;
}
#elif defined(CAST_FIELD)
/* Headers are in the linear part. */
static __always_inline __u64 header_u64(const struct headers *headers, __u32 offset)
{
	if (offset + 4 > headers->bytes)
		return 0;
	return CAST_FIELD(headers->start + offset, struct timespec64, tv_sec);
}
#endif

#if defined(TAP_ACCESS_CONTEXT) || defined(CAST_FIELD)
static __always_inline __u64 mixed(__u64 value)
{
	value *= 0x9e3779b97f4a7c15;
	return value ^ value >> 32;
}

/* The same for (a, b) and (b, a). */
static __always_inline __u64 of_pair(__u64 a, __u64 b)
{
	return mixed(a + b) + mixed((a ^ b) + 1);
}

static __always_inline __u16 ethertype_at(const struct headers *headers, __u32 offset)
{
	return bpf_ntohs(header_u64(headers, offset));
}

static __always_inline bool has_ethernet_header(const struct packet *packet)
{
#if defined(TAP_ACCESS_CONTEXT)
	struct tap_socket_device *device = socket_device(packet);

	return device && device->link == TAP_LINK_DEVICE;
#else
	__u16 type;

	if (packet->link != TAP_LINK_DEVICE || !packet->dev)
		return false;
	type = FIELD(packet->dev, type);
	return type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
#endif
}

/* Where the network header of an Ethernet frame is, and which protocol it is of. */
static __always_inline __u32 behind_ethernet(const struct headers *headers, __u16 *protocol)
{
	__u32 offset = 14;
	int tags;

	*protocol = ethertype_at(headers, 12);
#pragma unroll
	for (tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		if (*protocol != ETH_P_8021Q && *protocol != ETH_P_8021AD)
			break;
		*protocol = ethertype_at(headers, offset + 2);
		offset += 4;
	}
	return offset;
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

static __always_inline __u64 ports_hash(const struct headers *headers, __u32 offset, __u8 protocol)
{
	__u32 ports;

	if (!has_ports(protocol))
		return mixed(protocol);
	ports = header_u64(headers, offset);
	return of_pair(ports & 0xffff, ports >> 16) + mixed(protocol);
}

static __always_inline __u64 ipv4_hash(const struct headers *headers, __u32 at)
{
	__u64 first = header_u64(headers, at), second = header_u64(headers, at + 8),
	      addresses = header_u64(headers, at + 12);
	__u32 header_bytes = (first & 0xf) * 4;
	__u64 hash = of_pair((__u32)addresses, addresses >> 32);
	/* More fragments, or not the first one: all but "don't fragment" of these two bytes. */
	bool is_fragment = first >> 48 & 0xffbf;

	if (is_fragment)
		return hash;
	return hash + ports_hash(headers, at + header_bytes, second >> 8);
}

static __always_inline __u64 ipv6_hash(const struct headers *headers, __u32 at)
{
	__u64 first = header_u64(headers, at);
	__u64 source = mixed(header_u64(headers, at + 8)) + header_u64(headers, at + 16);
	__u64 destination = mixed(header_u64(headers, at + 24)) + header_u64(headers, at + 32);
	__u8 next = first >> 48;
	__u64 hash = of_pair(source, destination);

	return has_ports(next) ? hash + ports_hash(headers, at + 40, next) : hash;
}

/* `at`: where the network header is; 0 and no protocol: behind an Ethernet header. */
static __always_inline __u64 hash_of(const struct headers *headers, __u16 protocol, __u32 at)
{
	if (!protocol)
		at = behind_ethernet(headers, &protocol);
	if (protocol == ETH_P_IP)
		return ipv4_hash(headers, at);
	if (protocol == ETH_P_IPV6)
		return ipv6_hash(headers, at);
	return mixed(protocol);
}

#if defined(TAP_ACCESS_CONTEXT)
__attribute__((noinline)) __u64 flow_hash_of(struct __sk_buff *context, __u32 protocol)
{
	struct headers headers = {.context = context};

	return hash_of(&headers, protocol, 0);
}

static __always_inline __u64 flow_hash(const struct packet *packet)
{
	return flow_hash_of(packet->context, has_ethernet_header(packet) ? 0 : packet->protocol);
}
#else
/* A global function: the verifier checks it once, and not in every state of the program. */
__attribute__((noinline)) __u64 flow_hash_of(__u64 start, __u32 bytes, __u32 protocol, __u32 at)
{
	struct headers headers = {.start = start, .bytes = bytes};

	return hash_of(&headers, protocol, at);
}

static __always_inline __u64 flow_hash(const struct packet *packet)
{
	__u64 start = address_of(packet->data - packet->link_bytes);
	__u32 at = packet->link == TAP_LINK_DEVICE ? packet->link_bytes : 0;

	if (has_ethernet_header(packet))
		return flow_hash_of(start, packet->linear_len, 0, 0);
	return flow_hash_of(start, packet->linear_len, packet->protocol, at);
}
#endif
#endif

#endif
