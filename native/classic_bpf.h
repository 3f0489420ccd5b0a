// Running a classic BPF program over a packet as the kernel runs a packet socket's filter.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>

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
};

enum class FilterVerdict {
  kReject = 0,
  kAccept = 1,
  kUndecided = 2,  // a load lies inside the packet but behind the captured bytes
};

/** A load past the packet's end rejects, as in the kernel and in libpcap. */
FilterVerdict run_classic_bpf(const bpf_program& program, const FilterPacket& packet);

}  // namespace taptrace
