#include "fold.h"

#include <cstring>

namespace taptrace {

namespace {

constexpr bpf_insn kNothing = {BPF_JMP | BPF_JA, 0, 0, 0, 0};

bool is_wide(const bpf_insn& insn) { return insn.code == (BPF_LD | BPF_IMM | BPF_DW); }

bool is_jump(const bpf_insn& insn) {
  __u8 kind = BPF_CLASS(insn.code);
  return kind == BPF_JMP || kind == BPF_JMP32;
}

bool is_call(const bpf_insn& insn) { return is_jump(insn) && BPF_OP(insn.code) == BPF_CALL; }

bool leaves(const bpf_insn& insn) {
  return is_jump(insn) && (BPF_OP(insn.code) == BPF_EXIT || BPF_OP(insn.code) == BPF_JA);
}

/** Where something else than the instruction before may come from. */
std::vector<bool> jump_targets(const std::vector<bpf_insn>& insns) {
  std::vector<bool> targets(insns.size() + 1);
  for (size_t i = 0; i < insns.size(); i++) {
    const bpf_insn& insn = insns[i];
    if (is_wide(insn)) {
      i++;
    } else if (is_call(insn) && insn.src_reg == BPF_PSEUDO_CALL) {
      targets.at(i + 1 + insn.imm) = true;
    } else if (is_jump(insn) && !is_call(insn) && BPF_OP(insn.code) != BPF_EXIT) {
      targets.at(i + 1 + insn.off) = true;
    }
  }
  return targets;
}

bool is_load(const bpf_insn& insn) {
  return BPF_CLASS(insn.code) == BPF_LDX && BPF_MODE(insn.code) == BPF_MEM;
}

/** Instructions that write to other registers than the one they name. */
bool is_odd(const bpf_insn& insn) {
  bool atomic = BPF_CLASS(insn.code) == BPF_STX && BPF_MODE(insn.code) == BPF_ATOMIC;
  return atomic || (BPF_CLASS(insn.code) == BPF_LD && !is_wide(insn));
}

/** Whether what is in a register is asked for. */
bool reads(const bpf_insn& insn, __u8 reg) {
  switch (BPF_CLASS(insn.code)) {
    case BPF_LD:
      return false;
    case BPF_LDX:
      return insn.src_reg == reg;
    case BPF_ALU:
    case BPF_ALU64:
      if (BPF_OP(insn.code) == BPF_MOV) return BPF_SRC(insn.code) == BPF_X && insn.src_reg == reg;
      return insn.dst_reg == reg || (BPF_SRC(insn.code) == BPF_X && insn.src_reg == reg);
    case BPF_JMP:
    case BPF_JMP32:
      if (is_call(insn)) return reg >= BPF_REG_1 && reg <= BPF_REG_5;
      return insn.dst_reg == reg || insn.src_reg == reg;
    default:  // stores
      return insn.dst_reg == reg || insn.src_reg == reg;
  }
}

bool writes(const bpf_insn& insn, __u8 reg) {
  switch (BPF_CLASS(insn.code)) {
    case BPF_LD:
    case BPF_LDX:
    case BPF_ALU:
    case BPF_ALU64:
      return insn.dst_reg == reg;
    case BPF_JMP:
      return is_call(insn) && reg <= BPF_REG_5;
    default:
      return false;
  }
}

/** Reads a constant as a program would; false where it is not one, or is too large for an
 * instruction. */
bool value_at(const Constants& constants, __s64 offset, __u8 code, __s32* value) {
  const size_t sizes[] = {4, 2, 1, 8};  // BPF_W, BPF_H, BPF_B, BPF_DW
  size_t bytes = sizes[BPF_SIZE(code) >> 3];
  if (bytes > sizeof(*value) || offset < 0 || offset + bytes > constants.bytes) return false;
  *value = 0;
  memcpy(value, constants.data + offset, bytes);
  return true;
}

/**
 * Follows an address of constants through straight code, from behind the instruction that makes it.
 * True when nothing asks for it any more.
 */
bool fold_reads(std::vector<bpf_insn>& insns, size_t from, const bpf_insn& address, __s32 offset,
                const std::vector<bool>& targets, const Constants& constants) {
  const __u8 reg = address.dst_reg;
  bool is_needed = false;
  for (size_t i = from; i < insns.size() && !targets[i]; i++) {
    bpf_insn& insn = insns[i];
    __s32 value;
    if (is_odd(insn)) return false;
    if (is_load(insn) && insn.src_reg == reg &&
        value_at(constants, static_cast<__s64>(offset) + insn.off, insn.code, &value))
      insn = {BPF_ALU | BPF_MOV | BPF_K, insn.dst_reg, 0, 0, value};
    else if (reads(insn, reg))
      is_needed = true;
    if (writes(insn, reg)) return !is_needed;
    // Where the other way of a jump leads, it may be asked for.
    if (is_jump(insn) && !is_call(insn)) is_needed = true;
    if (leaves(insn)) return false;
    if (is_wide(insn)) i++;
  }
  return false;
}

}  // namespace

void fold_constants(std::vector<bpf_insn>& insns, const Constants& constants) {
  const std::vector<bool> targets = jump_targets(insns);
  for (size_t i = 0; i + 1 < insns.size(); i++) {
    if (!is_wide(insns[i])) continue;
    const bpf_insn address = insns[i];
    if (address.src_reg == BPF_PSEUDO_MAP_VALUE && address.imm == constants.map_fd &&
        fold_reads(insns, i + 2, address, insns[i + 1].imm, targets, constants))
      insns[i] = insns[i + 1] = kNothing;
    i++;
  }
}

}  // namespace taptrace
