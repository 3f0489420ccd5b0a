// Multicast messages of netlink, from several network namespaces.
#pragma once

#include <napi.h>

#include <map>
#include <vector>

namespace taptrace {

/**
 * Sockets that are members of one multicast group, each in a namespace of its own. What comes is
 * kept by the kernel until read(), which takes one system call where nothing came.
 */
class NetlinkListener : public Napi::ObjectWrap<NetlinkListener> {
 public:
  static void export_class(Napi::Env env, Napi::Object exports);
  explicit NetlinkListener(const Napi::CallbackInfo& info);
  ~NetlinkListener() override;

 private:
  struct Socket {
    int fd;
    /** Messages that found no room so far, as the kernel counts them. */
    uint32_t lost;
  };

  Napi::Value add(const Napi::CallbackInfo& info);
  void remove(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value read_socket(Napi::Env env, Socket& socket);
  void close_call(const Napi::CallbackInfo&) { close(); }
  void close();
  static void cleanup(void* listener) { static_cast<NetlinkListener*>(listener)->close(); }

  int protocol_;
  int group_;
  int epoll_fd_;
  uint32_t next_ = 0;
  std::map<uint32_t, Socket> sockets_;
  std::vector<char> buffer_;
};

}  // namespace taptrace
