#include "live_pcap.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace taptrace {

namespace {

constexpr char kLoopback[] = "lo";
/** Nothing is ever read from it. */
constexpr int kBufferBytes = 1 << 19;

std::string failed(const char* what) { return std::string(what) + ": " + strerror(errno); }

/** libpcap refuses a device that is down. */
bool raise_loopback() {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  ifreq request{};
  strcpy(request.ifr_name, kLoopback);
  request.ifr_flags = IFF_UP;
  bool raised = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  int error = errno;
  close(fd);
  errno = error;
  return raised;
}

PcapHandle activate(int snaplen, std::string& why_not) {
  char error[PCAP_ERRBUF_SIZE] = "";
  PcapHandle handle(pcap_create(kLoopback, error));
  if (!handle) {
    why_not = error;
    return nullptr;
  }
  pcap_set_snaplen(handle.get(), snaplen);
  pcap_set_buffer_size(handle.get(), kBufferBytes);
  if (int status = pcap_activate(handle.get()); status < 0) {
    why_not = std::string(pcap_statustostr(status)) + " " + pcap_geterr(handle.get());
    return nullptr;
  }
  if (pcap_datalink(handle.get()) == DLT_EN10MB) return handle;
  why_not = "the loopback device is no Ethernet device to libpcap";
  return nullptr;
}

}  // namespace

PcapHandle open_live_pcap(int snaplen, std::string& why_not) {
  PcapHandle handle;
  // A thread's namespace is its own; this one ends with it, unless the handle's socket keeps it.
  std::thread([&] {
    if (unshare(CLONE_NEWNET))
      why_not = failed("a network namespace for compiling");
    else if (!raise_loopback())
      why_not = failed("its loopback device");
    else
      handle = activate(snaplen, why_not);
  }).join();
  return handle;
}

}  // namespace taptrace
