// What is done to the instructions of a program between libbpf's relocation and the kernel's
// verifier.
#pragma once

#include <bpf/libbpf.h>

#include <vector>

#include "fold.h"
#include "splice.h"

namespace taptrace {

/** While alive, programs that this thread loads have their constants folded in, and `filter` as
 * filter_match(). */
class Preparation {
 public:
  Preparation(bpf_object* object, const std::vector<bpf_insn>& filter);
  ~Preparation();
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;

  int apply(bpf_program* program, bpf_prog_load_opts* options);

 private:
  bpf_object* object_;
  FilterSplice splice_;
};

/** An object's .rodata; null if it has none. */
bpf_map* constants_map(bpf_object* object);

/** Registers section handlers that call the Preparation of the loading thread. Idempotent. */
void install_preparation();

}  // namespace taptrace
