// Puts another body in the place of the filter_match() stub of a program that is about to be
// loaded.
#pragma once

#include <bpf/libbpf.h>

#include <vector>

struct btf;

namespace taptrace {

class FilterSplice {
 public:
  FilterSplice(const btf* types, const std::vector<bpf_insn>& body) : types_(types), body_(body) {}

  /** Changes a program without the stub in nothing. The records that `options` then names live in
   * here. */
  int apply(std::vector<bpf_insn>& insns, bpf_prog_load_opts* options);

 private:
  const btf* types_;
  const std::vector<bpf_insn>& body_;
  std::vector<unsigned char> func_info_;
  std::vector<unsigned char> line_info_;
};

}  // namespace taptrace
