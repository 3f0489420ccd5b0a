#include "object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "netfilter_link.h"
#include "prepare.h"
#include "xdp.h"

namespace taptrace {

namespace {

constexpr char kKernelBtf[] = "/sys/kernel/btf/vmlinux";
constexpr char kConstantsSection[] = ".rodata";

const btf_type* constants_section(const btf* types) {
  int id = btf__find_by_name_kind(types, kConstantsSection, BTF_KIND_DATASEC);
  return id < 0 ? nullptr : btf__type_by_id(types, id);
}

/** Writes one `const volatile` of the object's .rodata, found by name and sized by BTF. */
bool set_constant(const btf* types, const btf_type* section, char* data, size_t data_bytes,
                  const std::string& name, __u64 value) {
  const btf_var_secinfo* variable = btf_var_secinfos(section);
  for (int i = 0; i < btf_vlen(section); i++, variable++) {
    const btf_type* type = btf__type_by_id(types, variable->type);
    if (name != btf__name_by_offset(types, type->name_off)) continue;
    if (variable->size > sizeof(value) || variable->offset + variable->size > data_bytes)
      return false;
    memcpy(data + variable->offset, &value, variable->size);
    return true;
  }
  return false;
}

/** The verifier gives up with EAGAIN when a signal is pending: hold them back while it works. */
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

/** Maps of one instance: its globals (.rodata, .bss), and what the source names own_…. */
bool is_own(const bpf_map* map) {
  const char* name = bpf_map__name(map);
  return strchr(name, '.') || !strncmp(name, "own_", 4);
}

}  // namespace

int ProgramInstance::set_constants(const ProgramSpec& spec, std::string* what) {
  bpf_map* map = constants_map(object_);
  *what = "find constants";
  if (!map) return spec.constants.empty() ? 0 : -ENOENT;
  size_t bytes = 0;
  auto data = static_cast<char*>(
      const_cast<void*>(static_cast<const void*>(bpf_map__initial_value(map, &bytes))));
  const btf* types = bpf_object__btf(object_);
  const btf_type* section = constants_section(types);
  for (const auto& [constant, value] : spec.constants) {
    if (section && set_constant(types, section, data, bytes, constant, value)) continue;
    *what = "set constant " + constant;
    return -ENOENT;
  }
  return 0;
}

int ProgramInstance::share_maps(const ProgramSpec& spec, const SharedMaps& shared) {
  bpf_map* map;
  bpf_object__for_each_map(map, object_) {
    std::string name = bpf_map__name(map);
    auto existing = shared.find(name);
    auto entries = spec.map_entries.find(name);
    int error = 0;
    if (!is_own(map) && existing != shared.end())
      error = bpf_map__reuse_fd(map, existing->second);
    else if (entries != spec.map_entries.end())
      error = bpf_map__set_max_entries(map, entries->second);
    if (error) return error;
  }
  return 0;
}

int ProgramInstance::keep_maps(SharedMaps& shared) {
  bpf_map* map;
  bpf_object__for_each_map(map, object_) {
    std::string name = bpf_map__name(map);
    if (is_own(map) || shared.count(name)) continue;
    int fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return -errno;
    shared[name] = fd;
  }
  return 0;
}

int ProgramInstance::set_target(const ProgramSpec& spec, int program_fd, std::string* what) {
  std::string function = program_fd < 0 ? spec.target : main_function(program_fd);
  *what = "find attach target " + function;
  if (program_fd < 0 && function.empty()) return 0;
  if (function.empty()) {
    *what = "find BTF of the program";
    return -ENOENT;
  }
  return bpf_program__set_attach_target(program_, program_fd < 0 ? 0 : program_fd,
                                        function.c_str());
}

int ProgramInstance::load(const ProgramSpec& spec, SharedMaps& shared, std::string* what) {
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "taptrace");
  // A type that vmlinux does not have would make libbpf look through the modules' BTF, for which
  // the kernel asks CAP_SYS_ADMIN (kernel/bpf/syscall.c, bpf_obj_get_next_id). None of ours is
  // there.
  if (!access(kKernelBtf, R_OK)) options.btf_custom_path = kKernelBtf;
  *what = "open BPF object";
  object_ = bpf_object__open_mem(spec.object, spec.object_bytes, &options);
  if (!object_) return -errno;

  bpf_program* program;
  bpf_object__for_each_program(program, object_)
      bpf_program__set_autoload(program, spec.program == bpf_program__name(program));
  program_ = bpf_object__find_program_by_name(object_, spec.program.c_str());
  *what = "find BPF program " + spec.program;
  if (!program_) return -ENOENT;

  if (spec.is_netfilter) {
    bpf_program__set_type(program_, static_cast<bpf_prog_type>(kNetfilterProgramType));
    bpf_program__set_expected_attach_type(program_,
                                          static_cast<bpf_attach_type>(kNetfilterAttachType));
  }
  int error = set_constants(spec, what);
  if (error) return error;
  *what = "share BPF maps";
  if ((error = share_maps(spec, shared))) return error;
  int watched = spec.target_program ? open_program(spec.target_program) : -1;
  *what = "open the program";
  if (spec.target_program && watched < 0) return watched;
  error = set_target(spec, watched, what);
  if (!error) {
    *what = "load BPF program " + spec.program;
    Preparation preparation(object_, spec.filter);
    SignalsHeld held;
    error = bpf_object__load(object_);
  }
  // Once loaded, ours holds it (bpf_prog_aux.dst_prog).
  if (watched >= 0) ::close(watched);
  if (error) return error;
  *what = "keep BPF maps";
  return keep_maps(shared);
}

int ProgramInstance::keep_link(bpf_link* link) {
  if (!link) return -errno;
  link_ = link;
  return 0;
}

int ProgramInstance::attach_tracing() { return keep_link(bpf_program__attach_trace(program_)); }

int ProgramInstance::attach_kprobe(const std::string& symbol, bool at_return) {
  return keep_link(bpf_program__attach_kprobe(program_, at_return, symbol.c_str()));
}

int ProgramInstance::attach_cgroup(int cgroup_fd) {
  return keep_link(bpf_program__attach_cgroup(program_, cgroup_fd));
}

void ProgramInstance::detach() {
  if (link_) bpf_link__destroy(link_);
  link_ = nullptr;
}

void ProgramInstance::close() {
  detach();
  if (object_) bpf_object__close(object_);
  object_ = nullptr;
  program_ = nullptr;
}

}  // namespace taptrace
