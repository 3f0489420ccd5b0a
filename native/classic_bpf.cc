#include "classic_bpf.h"

#include <linux/filter.h>

// linux/filter.h and pcap/bpf.h both define the opcode macros, with equal values.

namespace taptrace {

namespace {

/**
 * A "protochain" jumps back once for each header, of 8 bytes and more. Beyond that it never ends:
 * over an authentication header libpcap's code sets X to the header's length, where it should add
 * it, and so may come to the same header again.
 */
constexpr uint32_t kRoundsMax = 65536 / 8;

class Machine {
 public:
  Machine(const bpf_program& program, const FilterPacket& packet, ClassicDialect dialect)
      : program_(program), packet_(packet), like_kernel_(dialect == ClassicDialect::kernel) {}

  std::optional<uint32_t> run() {
    uint32_t wanted = execute();
    return undecided_ ? std::nullopt : std::optional<uint32_t>(wanted);
  }

 private:
  uint32_t execute() {
    for (uint32_t pc = 0; pc < program_.bf_len; pc++) {
      const bpf_insn& insn = program_.bf_insns[pc];
      switch (BPF_CLASS(insn.code)) {
        case BPF_RET:
          return BPF_RVAL(insn.code) == BPF_A ? a_ : insn.k;
        case BPF_LD:
        case BPF_LDX:
          if (!load(insn)) return 0;
          break;
        case BPF_ST:
          memory_[insn.k % BPF_MEMWORDS] = a_;
          break;
        case BPF_STX:
          memory_[insn.k % BPF_MEMWORDS] = x_;
          break;
        case BPF_ALU:
          if (!compute(insn)) return 0;
          break;
        case BPF_JMP:
          if (!jump(insn, &pc)) return 0;
          break;
        case BPF_MISC:
          BPF_MISCOP(insn.code) == BPF_TAX ? x_ = a_ : a_ = x_;
          break;
      }
    }
    return 0;
  }

  bool jump(const bpf_insn& insn, uint32_t* pc) {
    bool is_back = BPF_OP(insn.code) == BPF_JA && static_cast<int32_t>(insn.k) < 0;
    undecided_ = is_back && rounds_++ >= kRoundsMax;
    *pc += BPF_OP(insn.code) == BPF_JA ? insn.k : (test(insn) ? insn.jt : insn.jf);
    return !undecided_;
  }

  bool load(const bpf_insn& insn) {
    std::optional<uint32_t> value = operand(insn);
    if (!value) return false;
    (BPF_CLASS(insn.code) == BPF_LD ? a_ : x_) = *value;
    return true;
  }

  std::optional<uint32_t> operand(const bpf_insn& insn) {
    switch (BPF_MODE(insn.code)) {
      case BPF_IMM:
        return insn.k;
      case BPF_LEN:
        return packet_.len;
      case BPF_MEM:
        return memory_[insn.k % BPF_MEMWORDS];
      case BPF_ABS:
        if (insn.k >= static_cast<uint32_t>(SKF_AD_OFF)) return ancillary(insn.k);
        return bytes_at(insn.k, width(insn));
      case BPF_IND:
        return indexed(insn);
      case BPF_MSH: {
        std::optional<uint32_t> byte = packet_bytes(insn.k, 1);
        return byte ? std::optional<uint32_t>((*byte & 0xf) * 4) : std::nullopt;
      }
    }
    return std::nullopt;
  }

  std::optional<uint32_t> indexed(const bpf_insn& insn) {
    if (like_kernel_) return bytes_at(x_ + insn.k, width(insn));
    return packet_bytes(static_cast<uint64_t>(x_) + insn.k, width(insn));
  }

  std::optional<uint32_t> bytes_at(uint32_t at, uint32_t count) {
    bool in_headers = like_kernel_ && static_cast<int32_t>(at) < 0;
    return in_headers ? header_bytes(at, count) : packet_bytes(at, count);
  }

  /** bpf_internal_load_pointer_neg_helper(): where the headers begin is not kept, so what may lie
   * inside the packet is left open. */
  std::optional<uint32_t> header_bytes(uint32_t at, uint32_t count) {
    uint32_t base = at >= static_cast<uint32_t>(SKF_NET_OFF) ? SKF_NET_OFF : SKF_LL_OFF;
    undecided_ = at >= base && static_cast<uint64_t>(at - base) + count <= packet_.len;
    return std::nullopt;
  }

  static uint32_t width(const bpf_insn& insn) {
    return BPF_SIZE(insn.code) == BPF_B ? 1 : BPF_SIZE(insn.code) == BPF_H ? 2 : 4;
  }

  std::optional<uint32_t> packet_bytes(uint64_t offset, uint32_t count) {
    if (offset + count > packet_.cap_len) {
      undecided_ = offset + count <= packet_.len;
      return std::nullopt;
    }
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++) value = value << 8 | packet_.bytes[offset + i];
    return value;
  }

  /** What the kernel keeps beside the bytes (net/core/filter.c, convert_bpf_extensions()). */
  std::optional<uint32_t> ancillary(uint32_t k) {
    undecided_ = like_kernel_ && !packet_.has_metadata;
    if (!packet_.has_metadata) return std::nullopt;
    switch (static_cast<int32_t>(k) - SKF_AD_OFF) {
      case SKF_AD_PROTOCOL:
        return packet_.protocol;
      case SKF_AD_PKTTYPE:
        return packet_.packet_type;
      case SKF_AD_IFINDEX:
        return packet_.ifindex;
      case SKF_AD_MARK:
        return packet_.mark;
      case SKF_AD_QUEUE:
        return packet_.queue;
      case SKF_AD_HATYPE:
        return packet_.link_type;
      case SKF_AD_RXHASH:
        return packet_.hash;
      case SKF_AD_CPU:
        return packet_.cpu;
      case SKF_AD_VLAN_TAG:
        return packet_.vlan_tci;
      case SKF_AD_VLAN_TAG_PRESENT:
        return packet_.vlan_present;
      case SKF_AD_VLAN_TPID:
        return packet_.vlan_protocol;
    }
    undecided_ = true;
    return std::nullopt;
  }

  bool compute(const bpf_insn& insn) {
    uint32_t value = BPF_SRC(insn.code) == BPF_X ? x_ : insn.k;
    switch (BPF_OP(insn.code)) {
      case BPF_ADD:
        a_ += value;
        return true;
      case BPF_SUB:
        a_ -= value;
        return true;
      case BPF_MUL:
        a_ *= value;
        return true;
      case BPF_OR:
        a_ |= value;
        return true;
      case BPF_AND:
        a_ &= value;
        return true;
      case BPF_XOR:
        a_ ^= value;
        return true;
      case BPF_LSH:
        a_ = shifts(value) ? a_ << (value & 31) : 0;
        return true;
      case BPF_RSH:
        a_ = shifts(value) ? a_ >> (value & 31) : 0;
        return true;
      case BPF_NEG:
        a_ = -a_;
        return true;
      case BPF_DIV:
        return value ? (a_ /= value, true) : false;
      case BPF_MOD:
        return value ? (a_ %= value, true) : false;
    }
    return false;
  }

  bool shifts(uint32_t distance) const { return like_kernel_ || distance < 32; }

  bool test(const bpf_insn& insn) const {
    uint32_t value = BPF_SRC(insn.code) == BPF_X ? x_ : insn.k;
    switch (BPF_OP(insn.code)) {
      case BPF_JEQ:
        return a_ == value;
      case BPF_JGT:
        return a_ > value;
      case BPF_JGE:
        return a_ >= value;
      case BPF_JSET:
        return (a_ & value) != 0;
    }
    return false;
  }

  const bpf_program& program_;
  const FilterPacket& packet_;
  const bool like_kernel_;
  uint32_t a_ = 0;
  uint32_t x_ = 0;
  uint32_t memory_[BPF_MEMWORDS] = {};
  uint32_t rounds_ = 0;
  bool undecided_ = false;
};

}  // namespace

std::optional<uint32_t> run_classic_bpf(const bpf_program& program, const FilterPacket& packet,
                                        ClassicDialect dialect) {
  return program.bf_len ? Machine(program, packet, dialect).run() : packet.len;
}

}  // namespace taptrace
