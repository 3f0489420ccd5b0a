#include "netlink_listener.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "error.h"
#include "system.h"

namespace taptrace {

namespace {

/** Some ten thousand messages, so that a burst between two reads finds room. */
constexpr int kReceiveBytes = 8 << 20;
/**
 * Read in one go: more than fits into a socket, so that what was lost was lost before what is read
 * next.
 */
constexpr size_t kReadBytesMax = 4 * kReceiveBytes;
constexpr size_t kMessageBytesMax = 1 << 16;
constexpr int kEventsMax = 64;

int join_group(int fd, int group) {
  int on = 1;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  // One without an address counts as the kernel, whose messages it would be spared.
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address))) return -errno;
  // Messages that find no room are counted by the kernel: no error has to tell of them, after which
  // it sends none at all until the socket is empty (net/netlink/af_netlink.c, netlink_overrun).
  if (setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on))) return -errno;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBytes, sizeof(kReceiveBytes)))
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBytes, sizeof(kReceiveBytes));
  if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))) return -errno;
  return fd;
}

/** The descriptor of a member of the group, or a negative errno. */
int open_member(int protocol, int group) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (fd < 0) return -errno;
  int result = join_group(fd, group);
  if (result < 0) ::close(fd);
  return result;
}

uint32_t drops_of(int fd) {
  uint32_t facts[SK_MEMINFO_VARS] = {};
  socklen_t bytes = sizeof(facts);
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, facts, &bytes);
  return facts[SK_MEMINFO_DROPS];
}

}  // namespace

void NetlinkListener::export_class(Napi::Env env, Napi::Object exports) {
  exports.Set("NetlinkListener",
              DefineClass(env, "NetlinkListener",
                          {
                              InstanceMethod<&NetlinkListener::add>("add"),
                              InstanceMethod<&NetlinkListener::remove>("remove"),
                              InstanceMethod<&NetlinkListener::read>("read"),
                              InstanceMethod<&NetlinkListener::close_call>("close"),
                          }));
}

/** new NetlinkListener(protocol, group) */
NetlinkListener::NetlinkListener(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NetlinkListener>(info),
      protocol_(info[0].As<Napi::Number>()),
      group_(info[1].As<Napi::Number>()),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_fd_ < 0) throw system_error(info.Env(), "poll netlink sockets", errno);
  napi_add_env_cleanup_hook(info.Env(), cleanup, this);
}

NetlinkListener::~NetlinkListener() {
  napi_remove_env_cleanup_hook(Env(), cleanup, this);
  close();
}

/** add(netns): the number of a socket there. */
Napi::Value NetlinkListener::add(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string netns = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  int fd = run_in_netns(netns, [&] { return open_member(protocol_, group_); });
  if (fd < 0) throw system_error(env, "subscribe to netlink messages", -fd);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = next_;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event)) {
    int error = errno;
    ::close(fd);
    throw system_error(env, "poll netlink socket", error);
  }
  sockets_[next_] = {fd, 0};
  return Napi::Number::New(env, next_++);
}

/** remove(socket) */
void NetlinkListener::remove(const Napi::CallbackInfo& info) {
  auto found = sockets_.find(info[0].As<Napi::Number>());
  if (found == sockets_.end()) return;
  ::close(found->second.fd);
  sockets_.erase(found);
}

/** read(): { socket, messages, lost } of every socket that something came to. */
Napi::Value NetlinkListener::read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Array all = Napi::Array::New(env);
  epoll_event events[kEventsMax];
  int count = epoll_wait(epoll_fd_, events, kEventsMax, 0);
  for (int i = 0; i < count; i++) {
    uint32_t number = events[i].data.u32;
    Napi::Object one = read_socket(env, sockets_.at(number)).As<Napi::Object>();
    one.Set("socket", Napi::Number::New(env, number));
    all.Set(all.Length(), one);
  }
  return all;
}

Napi::Value NetlinkListener::read_socket(Napi::Env env, Socket& socket) {
  size_t used = 0;
  while (used < kReadBytesMax) {
    buffer_.resize(used + kMessageBytesMax);
    ssize_t bytes = recv(socket.fd, buffer_.data() + used, kMessageBytesMax, 0);
    if (bytes <= 0) break;
    used += NLMSG_ALIGN(bytes);
  }
  uint32_t lost = drops_of(socket.fd);
  Napi::Object result = Napi::Object::New(env);
  result.Set("messages", Napi::Buffer<char>::Copy(env, buffer_.data(), used));
  result.Set("lost", Napi::Number::New(env, lost - socket.lost));
  socket.lost = lost;
  return result;
}

void NetlinkListener::close() {
  for (auto& [number, socket] : sockets_) ::close(socket.fd);
  sockets_.clear();
  if (epoll_fd_ >= 0) ::close(epoll_fd_);
  epoll_fd_ = -1;
}

}  // namespace taptrace
