// Puts another body in the place of the filter_match() stub, just before a program is loaded.
#pragma once

#include <bpf/libbpf.h>

#include <vector>

namespace taptrace {

/** While alive, programs that this thread loads get `body` as their filter_match(). */
class FilterSplice {
 public:
  FilterSplice(bpf_object* object, std::vector<bpf_insn> body);
  ~FilterSplice();
  FilterSplice(const FilterSplice&) = delete;
  FilterSplice& operator=(const FilterSplice&) = delete;

  int apply(bpf_program* program, bpf_prog_load_opts* options);

 private:
  bpf_object* object_;
  std::vector<bpf_insn> body_;
  std::vector<unsigned char> func_info_;
  std::vector<unsigned char> line_info_;
};

/** Registers section handlers that call the FilterSplice of the loading thread. Idempotent. */
void install_filter_splice();

}  // namespace taptrace
