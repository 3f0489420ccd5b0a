// Running a classic BPF program over a packet as the kernel runs a packet socket's filter.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <optional>

namespace taptrace {

/** A packet and what lives beside its bytes (the kernel's ancillary loads read it). */
struct FilterPacket {
  const uint8_t* bytes;
  uint32_t cap_len;
  uint32_t len;
  uint32_t ifindex;
  uint32_t mark;
  uint32_t hash;
  uint32_t queue;
  uint32_t cpu;
  uint16_t protocol;
  uint16_t link_type;
  uint16_t vlan_tci;
  uint16_t vlan_protocol;
  uint8_t packet_type;
  bool vlan_present;
  /** Else nothing beside the bytes is known. */
  bool has_metadata;
};

/** Where the two that run classic programs differ: libpcap over files, the kernel at a socket. */
enum class ClassicDialect {
  /** bpf_filter.c: an index that overflows 32 bits rejects, a shift by 32 or more gives 0. */
  libpcap,
  /**
   * net/core/filter.c, bpf_convert_filter(): an index wraps at 32 bits, and negative ones lead to
   * headers (SKF_LL_OFF, SKF_NET_OFF); of a shift's distance the lowest five bits count.
   */
  kernel,
};

/**
 * What the program returns: how many bytes of the packet its socket wants, 0 for none. A load past
 * the packet's end rejects, as in the kernel and in libpcap. Nothing where a load lies inside the
 * packet but behind the captured bytes, or is of something that is not kept beside them.
 */
std::optional<uint32_t> run_classic_bpf(const bpf_program& program, const FilterPacket& packet,
                                        ClassicDialect dialect);

}  // namespace taptrace
