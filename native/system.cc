#include "system.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "error.h"

namespace taptrace {

namespace {

int enter_and_run(const std::string& path, const std::function<int()>& work) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = setns(fd, CLONE_NEWNET) ? -errno : 0;
  close(fd);
  return result ? result : work();
}

std::string optional_path(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
}

int read_whole_file(const std::string& path, std::vector<char>* content) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  char piece[65536];
  ssize_t count;
  while ((count = read(fd, piece, sizeof(piece))) > 0)
    content->insert(content->end(), piece, piece + count);
  int result = count < 0 ? -errno : 0;
  close(fd);
  return result;
}

/** True when a dump's end (or an error) is among the messages. */
bool ends_dump(const char* bytes, size_t length) {
  auto header = reinterpret_cast<const nlmsghdr*>(bytes);
  for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length))
    if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) return true;
  return false;
}

int netlink_exchange(int protocol, const void* request, size_t length, std::vector<char>* reply) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -errno;
  timeval limit{.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  int result = send(fd, request, length, 0) < 0 ? -errno : 0;
  std::vector<char> piece(1 << 17);
  while (!result) {
    ssize_t count = recv(fd, piece.data(), piece.size(), 0);
    if (count < 0) {
      result = -errno;
      break;
    }
    reply->insert(reply->end(), piece.begin(), piece.begin() + count);
    if (ends_dump(piece.data(), count)) break;
  }
  close(fd);
  return result;
}

/** readFile(netns, path): a /proc file as the given namespace shows it. */
Napi::Value read_file(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string path = info[1].As<Napi::String>();
  std::vector<char> content;
  int result =
      run_in_netns(optional_path(info[0]), [&] { return read_whole_file(path, &content); });
  if (result < 0) throw system_error(env, "read " + path, -result);
  return Napi::Buffer<char>::Copy(env, content.data(), content.size());
}

/** netlink(netns, protocol, request): the reply messages of one dump request. */
Napi::Value netlink(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int protocol = info[1].As<Napi::Number>();
  auto request = info[2].As<Napi::Uint8Array>();
  std::vector<char> reply;
  int result = run_in_netns(optional_path(info[0]), [&] {
    return netlink_exchange(protocol, request.Data(), request.ByteLength(), &reply);
  });
  if (result < 0) throw system_error(env, "netlink request", -result);
  return Napi::Buffer<char>::Copy(env, reply.data(), reply.size());
}

/** Reads a file on a thread of libuv's pool: /proc/kallsyms takes the kernel tens of milliseconds
 * to write. */
class FileReader : public Napi::AsyncWorker {
 public:
  FileReader(Napi::Env env, std::string path)
      : Napi::AsyncWorker(env),
        path_(std::move(path)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { result_ = read_whole_file(path_, &content_); }

  void OnOK() override {
    if (result_ < 0)
      deferred_.Reject(system_error(Env(), "read " + path_, -result_).Value());
    else
      deferred_.Resolve(Napi::Buffer<char>::Copy(Env(), content_.data(), content_.size()));
  }

 private:
  std::string path_;
  Napi::Promise::Deferred deferred_;
  std::vector<char> content_;
  int result_ = 0;
};

/** readFileAsync(path): Promise<Buffer> */
Napi::Value read_file_async(const Napi::CallbackInfo& info) {
  auto reader = new FileReader(info.Env(), info[0].As<Napi::String>());
  reader->Queue();
  return reader->promise();
}

int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/** clocks(): CLOCK_BOOTTIME and CLOCK_REALTIME of one moment, the first read before and after. */
Napi::Value clocks(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int64_t before = clock_ns(CLOCK_BOOTTIME), wall = clock_ns(CLOCK_REALTIME);
  int64_t boot = before + (clock_ns(CLOCK_BOOTTIME) - before) / 2;
  Napi::Object result = Napi::Object::New(env);
  result.Set("bootNs", Napi::BigInt::New(env, boot));
  result.Set("wallNs", Napi::BigInt::New(env, wall));
  return result;
}

}  // namespace

int run_in_netns(const std::string& path, const std::function<int()>& work) {
  if (path.empty()) return work();
  int result = 0;
  std::thread worker([&] { result = enter_and_run(path, work); });
  worker.join();
  return result;
}

void export_system(Napi::Env env, Napi::Object exports) {
  exports.Set("readFile", Napi::Function::New(env, read_file));
  exports.Set("readFileAsync", Napi::Function::New(env, read_file_async));
  exports.Set("clocks", Napi::Function::New(env, clocks));
  exports.Set("netlink", Napi::Function::New(env, netlink));
}

}  // namespace taptrace
