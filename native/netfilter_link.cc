#include "netfilter_link.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "system.h"

namespace taptrace {

// linux/bpf.h since 6.4; the headers we are built with may be older.
const int kNetfilterProgramType = 32, kNetfilterAttachType = 45;

namespace {

constexpr __u32 kIpv4 = 2;

/** The part of union bpf_attr that BPF_LINK_CREATE reads (struct link_create, since 6.4). */
struct LinkCreate {
  __u32 prog_fd;
  __u32 target_fd;
  __u32 attach_type;
  __u32 flags;
  NetfilterHook hook;
  __u32 hook_flags;
};

int create_link(int program_fd, const NetfilterHook& hook) {
  LinkCreate create{};
  create.prog_fd = program_fd;
  create.attach_type = kNetfilterAttachType;
  create.hook = hook;
  int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create));
  return fd < 0 ? -errno : fd;
}

}  // namespace

int NetfilterLinks::open(int program_fd, const std::string& netns, const NetfilterHook& hook) {
  int fd = run_in_netns(netns, [=] { return create_link(program_fd, hook); });
  if (fd < 0) return fd;
  fds_.push_back(fd);
  return fds_.size() - 1;
}

void NetfilterLinks::close(size_t link) {
  if (link >= fds_.size() || fds_[link] < 0) return;
  ::close(fds_[link]);
  fds_[link] = -1;
}

void NetfilterLinks::close_all() {
  for (size_t link = 0; link < fds_.size(); link++) close(link);
  fds_.clear();
}

int NetfilterLinks::attempt(int program_fd) {
  // The last thing that is checked before a hook is registered is its priority, which may not be
  // the first of all (net/netfilter/nf_bpf_link.c, bpf_nf_check_pf_and_hooks).
  int fd = create_link(program_fd, {kIpv4, 0, INT_MIN});
  if (fd >= 0) ::close(fd);
  return fd == -ERANGE ? 0 : fd >= 0 ? -EPROTO : fd;
}

}  // namespace taptrace
