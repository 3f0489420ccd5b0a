// BPF netfilter links: one more hook of ours at a priority of a netfilter hook, as long as its
// descriptor is open.
#pragma once

#include <linux/types.h>

#include <string>
#include <vector>

namespace taptrace {

/** Where a link is registered. */
struct NetfilterHook {
  __u32 family;  // NFPROTO_IPV4 or NFPROTO_IPV6
  __u32 number;  // NF_INET_*
  __s32 priority;
};

/** Tells libbpf what it cannot tell from the section's name before 1.3. */
extern const int kNetfilterProgramType, kNetfilterAttachType;

/** The links of a session by number. */
class NetfilterLinks {
 public:
  NetfilterLinks() = default;
  ~NetfilterLinks() { close_all(); }
  NetfilterLinks(const NetfilterLinks&) = delete;
  NetfilterLinks& operator=(const NetfilterLinks&) = delete;

  /** The link's number, or a negative errno (EBUSY: another hook has this priority). */
  int open(int program_fd, const std::string& netns, const NetfilterHook& hook);
  void close(size_t link);
  void close_all();

  /** 0 where links with this program can be had, else a negative errno. Registers nothing. */
  static int attempt(int program_fd);

 private:
  std::vector<int> fds_;
};

}  // namespace taptrace
