#include "tcx.h"

#include <linux/bpf.h>
#include <linux/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "system.h"

namespace taptrace {

namespace {

// include/uapi/linux/bpf.h of 6.6; headers and libbpf of Debian 12 are older.
constexpr __u32 kTcxIngress = 46;
constexpr __u32 kTcxEgress = 47;
constexpr __u32 kBefore = 1U << 3;

/** What BPF_LINK_CREATE reads for tcx. */
struct TcxLinkCreate {
  __u32 program_fd;
  __u32 ifindex;
  __u32 attach_type;
  __u32 flags;
  __u32 relative_fd;
  __u32 padding;
  __u64 expected_revision;
};

/** The device is looked up in the namespace of the calling thread (kernel/bpf/tcx.c). */
int create_link(int program_fd, int ifindex, bool egress) {
  TcxLinkCreate create{};
  create.program_fd = program_fd;
  create.ifindex = ifindex;
  create.attach_type = egress ? kTcxEgress : kTcxIngress;
  create.flags = kBefore;
  int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create));
  return fd < 0 ? -errno : fd;
}

}  // namespace

int attach_tcx(int program_fd, const std::string& netns, int ifindex, bool egress) {
  return run_in_netns(netns, [=] { return create_link(program_fd, ifindex, egress); });
}

int try_tcx(int program_fd, bool egress) {
  // No device has this number: that is what the kernel finds when all else is well.
  int error = create_link(program_fd, INT_MAX, egress);
  return error == -ENODEV ? 0 : error;
}

}  // namespace taptrace
