#include "ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "error.h"
#include "system.h"

namespace taptrace {

namespace {

struct Statistics {
  std::vector<std::string> names;
  std::vector<__u64> values;
};

/** 0 or a negative errno. */
int ask(int fd, const std::string& device, void* request) {
  ifreq call{};
  strncpy(call.ifr_name, device.c_str(), IFNAMSIZ - 1);
  call.ifr_data = static_cast<char*>(request);
  return ioctl(fd, SIOCETHTOOL, &call) ? -errno : 0;
}

/** A request with `bytes` of room behind its fixed part. */
template <typename Request>
std::vector<__u64> with_room(__u32 command, size_t bytes) {
  std::vector<__u64> memory((sizeof(Request) + bytes + 7) / 8);
  reinterpret_cast<Request*>(memory.data())->cmd = command;
  return memory;
}

int count_of(int fd, const std::string& device, __u32* count) {
  auto memory = with_room<ethtool_sset_info>(ETHTOOL_GSSET_INFO, sizeof(__u32));
  auto info = reinterpret_cast<ethtool_sset_info*>(memory.data());
  info->sset_mask = 1ULL << ETH_SS_STATS;
  int error = ask(fd, device, info);
  *count = info->sset_mask ? info->data[0] : 0;
  return error;
}

/**
 * The kernel writes as many as the driver has by then, which may be more than there were
 * (net/ethtool/ioctl.c): some room is left, and what has changed in size is not believed.
 */
int read_statistics(int fd, const std::string& device, Statistics* found) {
  constexpr __u32 kMore = 4096;
  __u32 count = 0;
  int error = count_of(fd, device, &count);
  if (error || !count) return error;
  auto names = with_room<ethtool_gstrings>(ETHTOOL_GSTRINGS, (count + kMore) * ETH_GSTRING_LEN);
  auto strings = reinterpret_cast<ethtool_gstrings*>(names.data());
  strings->string_set = ETH_SS_STATS;
  strings->len = count;
  auto values = with_room<ethtool_stats>(ETHTOOL_GSTATS, (count + kMore) * sizeof(__u64));
  auto stats = reinterpret_cast<ethtool_stats*>(values.data());
  stats->n_stats = count;
  if ((error = ask(fd, device, strings)) || (error = ask(fd, device, stats))) return error;
  if (strings->len != count || stats->n_stats != count) return -EAGAIN;
  for (__u32 i = 0; i < count; i++) {
    auto name = reinterpret_cast<const char*>(strings->data) + i * ETH_GSTRING_LEN;
    found->names.emplace_back(name, strnlen(name, ETH_GSTRING_LEN));
    found->values.push_back(stats->data[i]);
  }
  return 0;
}

/** deviceStatistics(netns, device): the driver's own counters by name. */
Napi::Value device_statistics(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string netns = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  std::string device = info[1].As<Napi::String>();
  Statistics found;
  int result = run_in_netns(netns, [&] {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int error = read_statistics(fd, device, &found);
    close(fd);
    return error;
  });
  if (result < 0) throw system_error(env, "read statistics of " + device, -result);
  Napi::Object object = Napi::Object::New(env);
  for (size_t i = 0; i < found.names.size(); i++)
    object.Set(found.names[i], Napi::Number::New(env, static_cast<double>(found.values[i])));
  return object;
}

}  // namespace

void export_ethtool(Napi::Env env, Napi::Object exports) {
  exports.Set("deviceStatistics", Napi::Function::New(env, device_statistics));
}

}  // namespace taptrace
