#include "memlock.h"

#include <bpf/bpf.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace taptrace {

namespace {

constexpr __u32 kPiece = 4096;

/** Tried, not told by the version: a map that is larger than the limit (bpf_map_charge_init,
 * until 5.10). */
bool is_charged(rlim_t limit) {
  int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "larger", sizeof(__u32), kPiece, limit / kPiece + 1,
                          nullptr);
  if (fd < 0) return errno == EPERM;
  close(fd);
  return false;
}

/** memlockLimit(): bytes, or null where BPF memory is not limited by it. */
Napi::Value memlock_limit(const Napi::CallbackInfo& info) {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  if (limit.rlim_cur == RLIM_INFINITY || !is_charged(limit.rlim_cur)) return info.Env().Null();
  return Napi::Number::New(info.Env(), static_cast<double>(limit.rlim_cur));
}

}  // namespace

void export_memlock(Napi::Env env, Napi::Object exports) {
  exports.Set("memlockLimit", Napi::Function::New(env, memlock_limit));
}

}  // namespace taptrace
