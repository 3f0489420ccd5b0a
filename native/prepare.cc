#include "prepare.h"

#include <cstring>
#include <mutex>

#include "netfilter_link.h"

namespace taptrace {

namespace {

constexpr char kConstantsSuffix[] = ".rodata";

thread_local Preparation* current = nullptr;

int prepare_load(bpf_program* program, bpf_prog_load_opts* options, long) {
  return current ? current->apply(program, options) : 0;
}

}  // namespace

bpf_map* constants_map(bpf_object* object) {
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    const char* suffix = strrchr(bpf_map__name(map), '.');
    if (suffix && !strcmp(suffix, kConstantsSuffix)) return map;
  }
  return nullptr;
}

Preparation::Preparation(bpf_object* object, const std::vector<bpf_insn>& filter)
    : object_(object), splice_(bpf_object__btf(object), filter) {
  current = this;
}

Preparation::~Preparation() { current = nullptr; }

int Preparation::apply(bpf_program* program, bpf_prog_load_opts* options) {
  const bpf_insn* relocated = bpf_program__insns(program);
  std::vector<bpf_insn> insns(relocated, relocated + bpf_program__insn_cnt(program));
  if (bpf_map* map = constants_map(object_)) {
    size_t bytes = 0;
    auto data = static_cast<const unsigned char*>(bpf_map__initial_value(map, &bytes));
    fold_constants(insns, {bpf_map__fd(map), data, bytes});
  }
  if (int error = splice_.apply(insns, options)) return error;
  return bpf_program__set_insns(program, insns.data(), insns.size());
}

void install_preparation() {
  static std::once_flag once;
  std::call_once(once, [] {
    // The sections of our programs, as libbpf itself would take them.
    const struct {
      const char* name;
      bpf_prog_type program;
      bpf_attach_type attach;
    } sections[] = {
        {"tp_btf", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP},
        {"fentry", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY},
        {"fexit", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT},
        {"kprobe", BPF_PROG_TYPE_KPROBE, static_cast<bpf_attach_type>(0)},
        {"socket", BPF_PROG_TYPE_SOCKET_FILTER, static_cast<bpf_attach_type>(0)},
        {"tc", BPF_PROG_TYPE_SCHED_CLS, static_cast<bpf_attach_type>(0)},
        {"cgroup_skb/ingress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS},
        {"netfilter", static_cast<bpf_prog_type>(kNetfilterProgramType),
         static_cast<bpf_attach_type>(kNetfilterAttachType)},
    };
    LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = prepare_load);
    for (const auto& section : sections)
      libbpf_register_prog_handler(section.name, section.program, section.attach, &options);
  });
}

}  // namespace taptrace
