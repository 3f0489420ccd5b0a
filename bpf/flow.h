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

#if defined(TAP_ACCESS_CONTEXT)
/* Eight bytes of the packet; 0 where it has none there. */
static __always_inline __u64 header_u64(const struct packet *packet, __u32 offset)
{
	__u64 value = 0;

	bpf_skb_load_bytes(packet->context, offset, &value, sizeof(value));
	return value;
}
#elif defined(CAST_FIELD)
/* Headers are in the linear part. */
static __always_inline __u64 header_u64(const struct packet *packet, __u32 offset)
{
	if (offset + 4 > packet->linear_len)
		return 0;
	return CAST_FIELD(packet->data - packet->link_bytes + offset, struct timespec64, tv_sec);
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

static __always_inline __u16 ethertype_at(const struct packet *packet, __u32 offset)
{
	return bpf_ntohs(header_u64(packet, offset));
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

/* Where the network header is, and which protocol it is of. */
static __always_inline __u32 find_network_header(const struct packet *packet, __u16 *protocol)
{
	__u32 offset = 14;
	int tags;

	*protocol = packet->protocol;
	if (!has_ethernet_header(packet))
		return packet->link == TAP_LINK_DEVICE ? packet->link_bytes : 0;
	*protocol = ethertype_at(packet, 12);
#pragma unroll
	for (tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		if (*protocol != ETH_P_8021Q && *protocol != ETH_P_8021AD)
			break;
		*protocol = ethertype_at(packet, offset + 2);
		offset += 4;
	}
	return offset;
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

static __always_inline __u64 ports_hash(const struct packet *packet, __u32 offset, __u8 protocol)
{
	__u32 ports;

	if (!has_ports(protocol))
		return mixed(protocol);
	ports = header_u64(packet, offset);
	return of_pair(ports & 0xffff, ports >> 16) + mixed(protocol);
}

static __always_inline __u64 ipv4_hash(const struct packet *packet, __u32 at)
{
	__u64 first = header_u64(packet, at), second = header_u64(packet, at + 8),
	      addresses = header_u64(packet, at + 12);
	__u32 header_bytes = (first & 0xf) * 4;
	__u64 hash = of_pair((__u32)addresses, addresses >> 32);
	/* More fragments, or not the first one: all but "don't fragment" of these two bytes. */
	bool is_fragment = first >> 48 & 0xffbf;

	if (is_fragment)
		return hash;
	return hash + ports_hash(packet, at + header_bytes, second >> 8);
}

static __always_inline __u64 ipv6_hash(const struct packet *packet, __u32 at)
{
	__u64 first = header_u64(packet, at);
	__u64 source = mixed(header_u64(packet, at + 8)) + header_u64(packet, at + 16);
	__u64 destination = mixed(header_u64(packet, at + 24)) + header_u64(packet, at + 32);
	__u8 next = first >> 48;
	__u64 hash = of_pair(source, destination);

	return has_ports(next) ? hash + ports_hash(packet, at + 40, next) : hash;
}

static __attribute__((noinline)) __u64 flow_hash(const struct packet *packet)
{
	__u16 protocol;
	__u32 at = find_network_header(packet, &protocol);

	if (protocol == ETH_P_IP)
		return ipv4_hash(packet, at);
	if (protocol == ETH_P_IPV6)
		return ipv6_hash(packet, at);
	return mixed(protocol);
}
#endif

#endif
