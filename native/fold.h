// Puts the values of an object's constants in the place of the instructions that read them.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <vector>

namespace taptrace {

/** Where the instructions of a program that was relocated find constants: .rodata as it is loaded.
 */
struct Constants {
  int map_fd;
  const unsigned char* data;
  size_t bytes;
};

/**
 * Loads through an address in `constants` become moves of the value, and addresses that are then
 * read nowhere become jumps to the next instruction, which the kernel takes out
 * (kernel/bpf/verifier.c, opt_remove_nops). The number of instructions stays as it is.
 */
void fold_constants(std::vector<bpf_insn>& insns, const Constants& constants);

}  // namespace taptrace
