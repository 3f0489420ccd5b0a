#include "session.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/types.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "addon.h"
#include "capabilities.h"
#include "cgroup.h"
#include "error.h"
#include "event.h"
#include "system.h"
#include "tcx.h"

namespace taptrace {

namespace {

std::map<std::string, __u32> number_map(const Napi::Object& object) {
  std::map<std::string, __u32> result;
  Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); i++) {
    std::string name = names.Get(i).ToString();
    result[name] = object.Get(name).ToNumber();
  }
  return result;
}

std::string optional_string(const Napi::Object& object, const char* name) {
  Napi::Value value = object.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
}

ProgramSpec program_spec(const Napi::Object& from) {
  auto bytes = from.Get("object").As<Napi::Uint8Array>();
  ProgramSpec spec;
  spec.object = bytes.Data();
  spec.object_bytes = bytes.ByteLength();
  spec.program = optional_string(from, "program");
  spec.target = optional_string(from, "target");
  if (from.Get("targetProgram").IsNumber())
    spec.target_program = from.Get("targetProgram").As<Napi::Number>();
  spec.is_netfilter = optional_string(from, "type") == "netfilter";
  for (const auto& [name, value] : number_map(from.Get("constants").As<Napi::Object>()))
    spec.constants[name] = value;
  if (from.Get("filter").IsTypedArray()) {
    auto body = from.Get("filter").As<Napi::Uint8Array>();
    spec.filter.resize(body.ByteLength() / sizeof(bpf_insn));
    memcpy(spec.filter.data(), body.Data(), spec.filter.size() * sizeof(bpf_insn));
  }
  return spec;
}

/**
 * A packet socket with the program as its filter. Of protocol 0, it is in no tap list yet
 * (net/packet/af_packet.c, packet_create).
 */
int filtered_socket(int program_fd) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (!setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program_fd, sizeof(program_fd))) return fd;
  int error = -errno;
  ::close(fd);
  return error;
}

/** A packet socket that keeps nothing: the filter is in place before anything can be queued. */
int packet_socket(int program_fd, int ifindex, bool incoming_only) {
  int fd = filtered_socket(program_fd);
  if (fd < 0) return fd;
  int on = 1;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = ifindex;
  // Since 4.20; without it the filter sees both directions and ignores one.
  if (incoming_only) setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
  if (!bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address))) return fd;
  int error = -errno;
  ::close(fd);
  return error;
}

}  // namespace

void Session::export_class(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor =
      DefineClass(env, "Session",
                  {
                      InstanceMethod<&Session::load>("load"),
                      InstanceMethod<&Session::attach>("attach"),
                      InstanceMethod<&Session::attach_cgroup>("attachCgroup"),
                      InstanceMethod<&Session::unload>("unload"),
                      InstanceMethod<&Session::detach_all>("detachAll"),
                      InstanceMethod<&Session::open_packet_socket>("openPacketSocket"),
                      InstanceMethod<&Session::try_packet_socket>("tryPacketSocket"),
                      InstanceMethod<&Session::close_packet_socket>("closePacketSocket"),
                      InstanceMethod<&Session::try_tcx>("tryTcx"),
                      InstanceMethod<&Session::open_tcx>("openTcx"),
                      InstanceMethod<&Session::close_tcx>("closeTcx"),
                      InstanceMethod<&Session::open_netfilter_link>("openNetfilterLink"),
                      InstanceMethod<&Session::try_netfilter_link>("tryNetfilterLink"),
                      InstanceMethod<&Session::close_netfilter_link>("closeNetfilterLink"),
                      InstanceMethod<&Session::map_set>("mapSet"),
                      InstanceMethod<&Session::map_delete>("mapDelete"),
                      InstanceMethod<&Session::map_get>("mapGet"),
                      InstanceMethod<&Session::map_get_percpu>("mapGetPerCpu"),
                      InstanceMethod<&Session::drain>("drain"),
                      InstanceMethod<&Session::fill_bytes>("fillBytes"),
                      InstanceMethod<&Session::test_run>("testRun"),
                      InstanceMethod<&Session::program_stats>("programStats"),
                      InstanceMethod<&Session::maps_need_capability>("mapsNeedCapability"),
                      InstanceMethod<&Session::poll_start>("pollStart"),
                      InstanceMethod<&Session::poll_stop>("pollStop"),
                      InstanceMethod<&Session::close_call>("close"),
                  });
  Addon::of(env).session_constructor = Napi::Persistent(constructor);
  exports.Set("Session", constructor);
}

Session::Session(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Session>(info) {
  auto options = info[0].As<Napi::Object>();
  ring_bytes_ = options.Get("ringBytes").ToNumber();
  ring_count_ = options.Get("rings").ToNumber();
  map_entries_ = number_map(options.Get("mapEntries").As<Napi::Object>());
  map_entries_["rings"] = ring_count_;
  map_entries_["own_assemblies"] = ring_count_;
  napi_add_env_cleanup_hook(info.Env(), cleanup, this);
}

Session::~Session() {
  napi_remove_env_cleanup_hook(Env(), cleanup, this);
  close();
}

Napi::Value Session::load(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (closed_) throw Napi::Error::New(env, "the session is closed");
  LogCapture log;
  std::string what;
  ProgramSpec spec = program_spec(info[0].As<Napi::Object>());
  spec.map_entries = map_entries_;
  auto instance = std::make_unique<ProgramInstance>();
  int error = instance->load(spec, maps_, &what);
  // libbpf makes the maps and loads the program in one call; only its log says which one failed.
  if (log.text().find("': failed to create: ") != std::string::npos) what = "create BPF maps";
  if (error) throw system_error(env, what, -error, log.text());
  if (rings_.empty() && maps_.count("rings")) open_rings(env);
  programs_.push_back(std::move(instance));
  return Napi::Number::New(env, programs_.size() - 1);
}

void Session::open_rings(Napi::Env env) {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  for (__u32 cpu = 0; cpu < ring_count_; cpu++) {
    int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, ring_bytes_, nullptr);
    if (fd < 0) throw system_error(env, "create ring buffer", errno);
    auto ring = std::make_unique<Ring>();
    int error = ring->open(fd, ring_bytes_);
    if (error) throw system_error(env, "map ring buffer", -error);
    if (bpf_map_update_elem(maps_["rings"], &cpu, &fd, BPF_ANY))
      throw system_error(env, "place ring buffer", errno);
    epoll_event event{};
    event.events = EPOLLIN;
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event))
      throw system_error(env, "poll ring buffer", errno);
    rings_.push_back(std::move(ring));
  }
}

ProgramInstance& Session::program(const Napi::CallbackInfo& info) {
  uint32_t id = info[0].As<Napi::Number>();
  if (id >= programs_.size()) throw Napi::Error::New(info.Env(), "no such program in this session");
  return *programs_[id];
}

Ring& Session::ring(const Napi::CallbackInfo& info) {
  uint32_t index = info[0].As<Napi::Number>();
  if (index >= rings_.size())
    throw Napi::Error::New(info.Env(), "no such ring buffer in this session");
  return *rings_[index];
}

/** attach(program, kprobeSymbol?, atReturn?) */
void Session::attach(const Napi::CallbackInfo& info) {
  LogCapture log;
  bool kprobe = info[1].IsString();
  std::string symbol = kprobe ? info[1].As<Napi::String>().Utf8Value() : "";
  int error = kprobe ? program(info).attach_kprobe(symbol, info[2].ToBoolean())
                     : program(info).attach_tracing();
  if (error)
    throw system_error(info.Env(), kprobe ? "attach kprobe " + symbol : "attach BPF program",
                       -error, log.text());
}

/** attachCgroup(program): at the root of the hierarchy, by a link. */
void Session::attach_cgroup(const Napi::CallbackInfo& info) {
  int root = open_cgroup_root();
  if (root < 0) throw system_error(info.Env(), "find attach target cgroup root", -root);
  LogCapture log;
  int error = program(info).attach_cgroup(root);
  ::close(root);
  if (error) throw system_error(info.Env(), "attach cgroup program", -error, log.text());
}

void Session::unload(const Napi::CallbackInfo& info) { program(info).close(); }

/** Nothing of ours runs any more; rings and counters can still be read. */
void Session::detach_all(const Napi::CallbackInfo&) {
  // Sockets last: a device that is no longer armed would show its last packets as inferred.
  for (auto& program : programs_) program->detach();
  close_tcx_links();
  netfilter_links_.close_all();
  close_sockets();
}

void Session::close_sockets() {
  for (int fd : packet_sockets_)
    if (fd >= 0) ::close(fd);
  packet_sockets_.clear();
}

/** openPacketSocket(program, netns | null, ifindex, incomingOnly) */
Napi::Value Session::open_packet_socket(const Napi::CallbackInfo& info) {
  int program_fd = program(info).fd();
  std::string netns = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  int ifindex = info[2].As<Napi::Number>();
  bool incoming_only = info[3].ToBoolean();
  int fd = run_in_netns(netns, [=] { return packet_socket(program_fd, ifindex, incoming_only); });
  if (fd < 0) throw system_error(info.Env(), "open packet socket", -fd);
  packet_sockets_.push_back(fd);
  return Napi::Number::New(info.Env(), packet_sockets_.size() - 1);
}

/** tryPacketSocket(program): throws where no socket with this program can be had; arms nothing. */
void Session::try_packet_socket(const Napi::CallbackInfo& info) {
  int fd = filtered_socket(program(info).fd());
  if (fd < 0) throw system_error(info.Env(), "open packet socket", -fd);
  ::close(fd);
}

void Session::close_packet_socket(const Napi::CallbackInfo& info) {
  uint32_t id = info[0].As<Napi::Number>();
  if (id >= packet_sockets_.size() || packet_sockets_[id] < 0) return;
  ::close(packet_sockets_[id]);
  packet_sockets_[id] = -1;
}

/** tryTcx(program, egress): throws where no tcx link with it can be had; attaches nothing. */
void Session::try_tcx(const Napi::CallbackInfo& info) {
  int error = taptrace::try_tcx(program(info).fd(), info[1].ToBoolean());
  if (error) throw system_error(info.Env(), "attach tcx program", -error);
}

/** openTcx(program, netns | null, ifindex, egress): the link's number. */
Napi::Value Session::open_tcx(const Napi::CallbackInfo& info) {
  std::string netns = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  int ifindex = info[2].As<Napi::Number>();
  int fd = attach_tcx(program(info).fd(), netns, ifindex, info[3].ToBoolean());
  if (fd < 0) throw system_error(info.Env(), "attach tcx program", -fd);
  tcx_links_.push_back(fd);
  return Napi::Number::New(info.Env(), tcx_links_.size() - 1);
}

void Session::close_tcx(const Napi::CallbackInfo& info) {
  uint32_t id = info[0].As<Napi::Number>();
  if (id >= tcx_links_.size() || tcx_links_[id] < 0) return;
  ::close(tcx_links_[id]);
  tcx_links_[id] = -1;
}

void Session::close_tcx_links() {
  for (int fd : tcx_links_)
    if (fd >= 0) ::close(fd);
  tcx_links_.clear();
}

/** openNetfilterLink(program, netns | null, family, hook, priority) */
Napi::Value Session::open_netfilter_link(const Napi::CallbackInfo& info) {
  std::string netns = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  NetfilterHook hook{info[2].As<Napi::Number>(), info[3].As<Napi::Number>(),
                     info[4].As<Napi::Number>()};
  int link = netfilter_links_.open(program(info).fd(), netns, hook);
  if (link < 0) throw system_error(info.Env(), "open netfilter link", -link);
  return Napi::Number::New(info.Env(), link);
}

/** tryNetfilterLink(program): throws where no link with this program can be had; registers none. */
void Session::try_netfilter_link(const Napi::CallbackInfo& info) {
  int error = NetfilterLinks::attempt(program(info).fd());
  if (error) throw system_error(info.Env(), "attach netfilter link", -error);
}

void Session::close_netfilter_link(const Napi::CallbackInfo& info) {
  netfilter_links_.close(info[0].As<Napi::Number>().Uint32Value());
}

int Session::map_fd(Napi::Env env, const Napi::Value& name) const {
  auto found = maps_.find(name.As<Napi::String>());
  if (found == maps_.end()) throw Napi::Error::New(env, "no such map in this session");
  return found->second;
}

/** mapSet(name, key, value) */
void Session::map_set(const Napi::CallbackInfo& info) {
  int fd = map_fd(info.Env(), info[0]);
  auto key = info[1].As<Napi::Uint8Array>(), value = info[2].As<Napi::Uint8Array>();
  if (bpf_map_update_elem(fd, key.Data(), value.Data(), BPF_ANY))
    throw system_error(info.Env(), "update BPF map", errno);
}

void Session::map_delete(const Napi::CallbackInfo& info) {
  int fd = map_fd(info.Env(), info[0]);
  if (bpf_map_delete_elem(fd, info[1].As<Napi::Uint8Array>().Data()) && errno != ENOENT)
    throw system_error(info.Env(), "delete from BPF map", errno);
}

/** mapGet(name, key, valueBytes): the value, or null. */
Napi::Value Session::map_get(const Napi::CallbackInfo& info) {
  int fd = map_fd(info.Env(), info[0]);
  size_t bytes = info[2].As<Napi::Number>().Uint32Value();
  auto value = Napi::Buffer<char>::New(info.Env(), bytes);
  if (bpf_map_lookup_elem(fd, info[1].As<Napi::Uint8Array>().Data(), value.Data()))
    return info.Env().Null();
  return value;
}

/** mapGetPerCpu(name, index, valueBytes): the values of all possible CPUs, one after the other. */
Napi::Value Session::map_get_percpu(const Napi::CallbackInfo& info) {
  int fd = map_fd(info.Env(), info[0]);
  __u32 index = info[1].As<Napi::Number>();
  size_t stride = (info[2].As<Napi::Number>().Uint32Value() + 7) & ~7u;
  auto values = Napi::Buffer<char>::New(info.Env(), stride * libbpf_num_possible_cpus());
  if (bpf_map_lookup_elem(fd, &index, values.Data()))
    throw system_error(info.Env(), "read BPF map", errno);
  return values;
}

/** drain(ring, into, offset, end: Uint32Array): bytes written; end[0] says why it stopped. */
Napi::Value Session::drain(const Napi::CallbackInfo& info) {
  auto into = info[1].As<Napi::Uint8Array>();
  size_t offset = info[2].As<Napi::Number>().Uint32Value();
  auto end = info[3].As<Napi::Uint32Array>();
  if (closed_ || offset > into.ByteLength()) return Napi::Number::New(info.Env(), 0);
  DrainEnd reason;
  size_t bytes = ring(info).drain(reinterpret_cast<char*>(into.Data()) + offset,
                                  into.ByteLength() - offset, &reason);
  end[0] = static_cast<uint32_t>(reason);
  return Napi::Number::New(info.Env(), bytes);
}

Napi::Value Session::fill_bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(ring(info).fill_bytes()));
}

/** testRun(program, frame, context | null): what the program returns (BPF_PROG_TEST_RUN). */
Napi::Value Session::test_run(const Napi::CallbackInfo& info) {
  auto frame = info[1].As<Napi::Uint8Array>();
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.Data(),
              .data_size_in = static_cast<__u32>(frame.ByteLength()));
  if (info[2].IsTypedArray()) {
    auto context = info[2].As<Napi::Uint8Array>();
    options.ctx_in = context.Data();
    options.ctx_size_in = context.ByteLength();
  }
  int error = bpf_prog_test_run_opts(program(info).fd(), &options);
  if (error) throw system_error(info.Env(), "run BPF program", -error);
  return Napi::Number::New(info.Env(), options.retval);
}

/** programStats(program): what the kernel counts; recursionMisses is null where it does not
 * (before 5.12). */
Napi::Value Session::program_stats(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  bpf_prog_info details{};
  __u32 length = sizeof(details);
  if (bpf_obj_get_info_by_fd(program(info).fd(), &details, &length))
    throw system_error(env, "read program info", errno);
  bool counts_misses = length >= offsetof(bpf_prog_info, recursion_misses) + sizeof(__u64);
  Napi::Object result = Napi::Object::New(env);
  result.Set("id", details.id);
  result.Set("runTimeNs", static_cast<double>(details.run_time_ns));
  result.Set("runCount", static_cast<double>(details.run_cnt));
  result.Set("recursionMisses",
             counts_misses ? Napi::Number::New(env, static_cast<double>(details.recursion_misses))
                           : env.Null());
  return result;
}

/** mapsNeedCapability(): whether maps that are open already can only be used with CAP_BPF. Tried,
 * on a thread that gives up everything for it. */
Napi::Value Session::maps_need_capability(const Napi::CallbackInfo& info) {
  int fd = map_fd(info.Env(), Napi::String::New(info.Env(), "live")), error = 0;
  std::thread([&] {
    __u32 key = 0;
    tap_live value;
    error = drop_all_of_thread();
    if (!error && bpf_map_lookup_elem(fd, &key, &value)) error = -errno;
  }).join();
  return Napi::Boolean::New(info.Env(), error != 0);
}

void Session::call_on_readable() {
  Napi::HandleScope scope(Env());
  try {
    on_readable_.MakeCallback(Env().Global(), {});
  } catch (const Napi::Error& error) {
    // No caller in JavaScript to throw to. In a thread that is being terminated this does nothing.
    napi_fatal_exception(Env(), error.Value());
  }
}

/** pollStart(callback): called when a ring has data, until pollStop(). */
void Session::poll_start(const Napi::CallbackInfo& info) {
  if (closed_ || poll_ || epoll_fd_ < 0) return;
  on_readable_ = Napi::Persistent(info[0].As<Napi::Function>());
  poll_ = Poll::start(
      info.Env(), epoll_fd_, [this] { call_on_readable(); }, [this] { poll_ = nullptr; });
}

void Session::stop_polling() {
  if (poll_) poll_->stop();
  poll_ = nullptr;
}

void Session::poll_stop(const Napi::CallbackInfo&) { stop_polling(); }

void Session::close() {
  if (closed_) return;
  closed_ = true;
  stop_polling();
  on_readable_.Reset();
  netfilter_links_.close_all();
  close_sockets();
  close_tcx_links();
  programs_.clear();
  rings_.clear();
  for (const auto& [name, fd] : maps_) ::close(fd);
  maps_.clear();
  if (epoll_fd_ >= 0) ::close(epoll_fd_);
  epoll_fd_ = -1;
}

}  // namespace taptrace
