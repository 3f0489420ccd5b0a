#include "nft_list.h"

#include <dlfcn.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "error.h"
#include "system.h"

namespace taptrace {

namespace {

/**
 * The functions of libnftables that are needed (nftables/libnftables.h), looked up when somebody
 * asks: the library is there where nft is, which is where rulesets are, and nothing else of
 * taptrace needs it.
 */
struct Library {
  void* handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
  void* (*make)(uint32_t) = find<void* (*)(uint32_t)>("nft_ctx_new");
  void (*release)(void*) = find<void (*)(void*)>("nft_ctx_free");
  int (*buffer_output)(void*) = find<int (*)(void*)>("nft_ctx_buffer_output");
  int (*buffer_error)(void*) = find<int (*)(void*)>("nft_ctx_buffer_error");
  void (*set_flags)(void*, unsigned) = find<void (*)(void*, unsigned)>("nft_ctx_output_set_flags");
  int (*run)(void*, const char*) = find<int (*)(void*, const char*)>("nft_run_cmd_from_buffer");
  const char* (*output)(void*) = find<const char* (*)(void*)>("nft_ctx_get_output_buffer");

  bool is_whole() const {
    return make && release && buffer_output && buffer_error && set_flags && run && output;
  }

 private:
  template <typename F>
  F find(const char* name) const {
    return handle ? reinterpret_cast<F>(dlsym(handle, name)) : nullptr;
  }
};

/** NFT_CTX_OUTPUT_STATELESS, _HANDLE and _TERSE: no counters, rules with their handles, no elements
 * of named sets. */
constexpr unsigned kOutputFlags = 1 << 2 | 1 << 3 | 1 << 11;

/** libnftables ends the process where it gets no socket. */
bool has_socket() {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

int list_chain(const Library& nft, const std::string& command, std::string* text) {
  if (!has_socket()) return -errno;
  void* context = nft.make(0);
  if (!context) return -ENOMEM;
  nft.buffer_output(context);
  nft.buffer_error(context);
  nft.set_flags(context, kOutputFlags);
  // It says why only in words; mostly there is no such chain any more.
  int result = nft.run(context, command.c_str()) ? -ENOENT : 0;
  if (!result) *text = nft.output(context);
  nft.release(context);
  return result;
}

/** nftListChain(netns, chain): what `nft -a -s -t list chain` prints; null where there is no
 * libnftables. */
Napi::Value nft_list_chain(const Napi::CallbackInfo& info) {
  static const Library library;
  Napi::Env env = info.Env();
  if (!library.is_whole()) return env.Null();
  std::string netns = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  std::string command = "list chain " + info[1].As<Napi::String>().Utf8Value();
  std::string text;
  int result = run_in_netns(netns, [&] { return list_chain(library, command, &text); });
  if (result < 0) throw system_error(env, "nft " + command, -result);
  return Napi::String::New(env, text);
}

}  // namespace

void export_nft_list(Napi::Env env, Napi::Object exports) {
  exports.Set("nftListChain", Napi::Function::New(env, nft_list_chain));
}

}  // namespace taptrace
