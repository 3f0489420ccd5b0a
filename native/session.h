// One trace: its programs, maps, ring buffers and packet sockets, from open to a clean close.
#pragma once

#include <napi.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "netfilter_link.h"
#include "object.h"
#include "poll.h"
#include "ring.h"

namespace taptrace {

class Session : public Napi::ObjectWrap<Session> {
 public:
  static void export_class(Napi::Env env, Napi::Object exports);
  explicit Session(const Napi::CallbackInfo& info);
  ~Session() override;
  /** Readable while a ring has something. */
  int rings_fd() const { return epoll_fd_; }
  /** Null: there is none. */
  Ring* ring_at(uint32_t index) { return index < rings_.size() ? rings_[index].get() : nullptr; }

 private:
  Napi::Value load(const Napi::CallbackInfo& info);
  void attach(const Napi::CallbackInfo& info);
  void attach_cgroup(const Napi::CallbackInfo& info);
  void unload(const Napi::CallbackInfo& info);
  void detach_all(const Napi::CallbackInfo& info);
  Napi::Value open_packet_socket(const Napi::CallbackInfo& info);
  void try_packet_socket(const Napi::CallbackInfo& info);
  void try_tcx(const Napi::CallbackInfo& info);
  Napi::Value open_tcx(const Napi::CallbackInfo& info);
  void close_tcx(const Napi::CallbackInfo& info);
  void close_packet_socket(const Napi::CallbackInfo& info);
  Napi::Value open_netfilter_link(const Napi::CallbackInfo& info);
  void try_netfilter_link(const Napi::CallbackInfo& info);
  void close_netfilter_link(const Napi::CallbackInfo& info);
  void map_set(const Napi::CallbackInfo& info);
  void map_delete(const Napi::CallbackInfo& info);
  Napi::Value map_get(const Napi::CallbackInfo& info);
  Napi::Value map_get_percpu(const Napi::CallbackInfo& info);
  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value fill_bytes(const Napi::CallbackInfo& info);
  Napi::Value test_run(const Napi::CallbackInfo& info);
  Napi::Value program_stats(const Napi::CallbackInfo& info);
  Napi::Value maps_need_capability(const Napi::CallbackInfo& info);
  void poll_start(const Napi::CallbackInfo& info);
  void poll_stop(const Napi::CallbackInfo& info);
  void close_call(const Napi::CallbackInfo&) { close(); }

  void open_rings(Napi::Env env);
  int map_fd(Napi::Env env, const Napi::Value& name) const;
  ProgramInstance& program(const Napi::CallbackInfo& info);
  Ring& ring(const Napi::CallbackInfo& info);
  void close_sockets();
  void close_tcx_links();
  void stop_polling();
  void close();
  void call_on_readable();
  static void cleanup(void* session) { static_cast<Session*>(session)->close(); }

  bool closed_ = false;
  uint32_t ring_bytes_ = 0;
  uint32_t ring_count_ = 0;
  std::map<std::string, __u32> map_entries_;
  SharedMaps maps_;
  std::vector<std::unique_ptr<ProgramInstance>> programs_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::vector<int> packet_sockets_;
  std::vector<int> tcx_links_;
  NetfilterLinks netfilter_links_;
  int epoll_fd_ = -1;
  Poll* poll_ = nullptr;
  Napi::FunctionReference on_readable_;
};

}  // namespace taptrace
