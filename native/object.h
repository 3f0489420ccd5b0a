// One instance of a BPF program: an object opened, its constants set, shared maps reused, loaded.
#pragma once

#include <bpf/libbpf.h>

#include <map>
#include <string>
#include <vector>

namespace taptrace {

/** Maps that all objects of a session have in common, by name; the first object creates them. */
using SharedMaps = std::map<std::string, int>;

struct ProgramSpec {
  const void* object = nullptr;
  size_t object_bytes = 0;
  std::string program;
  std::string target;           // BTF attach target, "" for none
  unsigned target_program = 0;  // number of a BPF program whose return is the target
  bool is_netfilter = false;
  std::map<std::string, __u64> constants;
  std::map<std::string, __u32> map_entries;  // max_entries of maps this object creates
  std::vector<bpf_insn> filter;              // body for filter_match(), empty: keep the stub
};

class ProgramInstance {
 public:
  ProgramInstance() = default;
  ~ProgramInstance() { close(); }
  ProgramInstance(const ProgramInstance&) = delete;
  ProgramInstance& operator=(const ProgramInstance&) = delete;

  /** 0 or a negative errno; `what` then names the step that failed. */
  int load(const ProgramSpec& spec, SharedMaps& shared, std::string* what);
  int attach_tracing();
  int attach_kprobe(const std::string& symbol, bool at_return);
  int attach_cgroup(int cgroup_fd);
  int fd() const { return bpf_program__fd(program_); }
  void detach();
  void close();

 private:
  int set_constants(const ProgramSpec& spec, std::string* what);
  int set_target(const ProgramSpec& spec, int program_fd, std::string* what);
  int share_maps(const ProgramSpec& spec, const SharedMaps& shared);
  int keep_maps(SharedMaps& shared);
  int keep_link(bpf_link* link);

  bpf_object* object_ = nullptr;
  bpf_program* program_ = nullptr;
  bpf_link* link_ = nullptr;
};

}  // namespace taptrace
