// A live capture's handle that captures nothing, for the code that libpcap makes for live captures
// only.
#pragma once

#include <pcap/pcap.h>

#include <memory>
#include <string>

namespace taptrace {

struct PcapClose {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapHandle = std::unique_ptr<pcap_t, PcapClose>;

/**
 * An active capture on the loopback of a new, empty network namespace, or nothing and the reason.
 * libpcap lets programs read a packet's metadata (the VLAN tag, SKF_AD_VLAN_TAG_PRESENT) only for a
 * handle whose socket said that the kernel can (pcap-linux.c, SO_BPF_EXTENSIONS). Nobody's device
 * gets a packet socket by it. Needs CAP_SYS_ADMIN and CAP_NET_RAW; raises the loopback, so
 * CAP_NET_ADMIN too.
 */
PcapHandle open_live_pcap(int snaplen, std::string& why_not);

}  // namespace taptrace
