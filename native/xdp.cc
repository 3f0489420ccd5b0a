#include "xdp.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <cerrno>

#include "error.h"

namespace taptrace {

namespace {

std::string name_in_btf(unsigned btf_id, unsigned type) {
  btf* types = btf__load_from_kernel_by_id(btf_id);
  if (!types) return "";
  const btf_type* function = btf__type_by_id(types, type);
  const char* name = function ? btf__name_by_offset(types, function->name_off) : nullptr;
  std::string copy = name ? name : "";
  btf__free(types);
  return copy;
}

/** bpfProgramName(id): its name, cut short by the kernel as it is; "" where it has none. */
Napi::Value program_name(const Napi::CallbackInfo& info) {
  int fd = open_program(info[0].As<Napi::Number>().Uint32Value());
  if (fd < 0) throw system_error(info.Env(), "open BPF program", -fd);
  bpf_prog_info facts{};
  __u32 bytes = sizeof(facts);
  int error = bpf_obj_get_info_by_fd(fd, &facts, &bytes) ? errno : 0;
  close(fd);
  if (error) throw system_error(info.Env(), "read BPF program", error);
  return Napi::String::New(info.Env(), facts.name);
}

}  // namespace

int open_program(unsigned id) {
  int fd = bpf_prog_get_fd_by_id(id);
  return fd < 0 ? -errno : fd;
}

std::string main_function(int program_fd) {
  bpf_func_info first{};
  bpf_prog_info facts{};
  __u32 bytes = sizeof(facts);
  // One entry is asked for: the main function is the first of them.
  facts.nr_func_info = 1;
  facts.func_info_rec_size = sizeof(first);
  facts.func_info = reinterpret_cast<__u64>(&first);
  if (bpf_obj_get_info_by_fd(program_fd, &facts, &bytes)) return "";
  return facts.btf_id && facts.nr_func_info ? name_in_btf(facts.btf_id, first.type_id) : "";
}

void export_xdp(Napi::Env env, Napi::Object exports) {
  exports.Set("bpfProgramName", Napi::Function::New(env, program_name));
}

}  // namespace taptrace
