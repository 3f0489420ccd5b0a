#include "splice.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace taptrace {

namespace {

constexpr std::string_view kStub = "filter_match";
constexpr std::string_view kAccessor = "filter_load";

/** Where a function's instructions start and end in a program whose subprograms were appended. */
struct Span {
  __u32 start;
  __u32 end;
  long delta;  // by how much what lies behind moves

  __u32 moved(__u32 index) const { return index >= end ? index + delta : index; }
};

// Both kinds of record start with the instruction's offset (linux/bpf.h).
__u32 insn_offset(const unsigned char* record) {
  __u32 offset;
  memcpy(&offset, record, sizeof(offset));
  return offset;
}

void set_insn_offset(unsigned char* record, __u32 offset) {
  memcpy(record, &offset, sizeof(offset));
}

bool find_function(const btf* types, const bpf_prog_load_opts* options, __u32 insn_count,
                   std::string_view name, Span* span) {
  auto records = static_cast<const unsigned char*>(options->func_info);
  for (__u32 i = 0; i < options->func_info_cnt; i++) {
    const unsigned char* record = records + i * options->func_info_rec_size;
    __u32 type_id;
    memcpy(&type_id, record + sizeof(__u32), sizeof(type_id));
    const btf_type* type = btf__type_by_id(types, type_id);
    if (!type || btf__name_by_offset(types, type->name_off) != name) continue;
    span->start = insn_offset(record);
    span->end = i + 1 < options->func_info_cnt ? insn_offset(record + options->func_info_rec_size)
                                               : insn_count;
    return true;
  }
  return false;
}

bool is_relative_reference(const bpf_insn& insn) {
  bool call = insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
  bool address = insn.code == (BPF_LD | BPF_IMM | BPF_DW) && insn.src_reg == BPF_PSEUDO_FUNC;
  return call || address;
}

/** Calls across the changed function keep their targets; jumps never leave a function. */
void fix_references(std::vector<bpf_insn>& insns, const std::vector<bpf_insn>& old,
                    const Span& span) {
  for (__u32 i = 0; i < old.size(); i++) {
    if ((i >= span.start && i < span.end) || !is_relative_reference(old[i])) continue;
    __u32 from = span.moved(i), to = span.moved(i + 1 + old[i].imm);
    insns[from].imm = static_cast<__s32>(to) - static_cast<__s32>(from) - 1;
  }
}

/** Calls in the new body, whatever their target, are calls of the accessor. */
void fix_body_calls(std::vector<bpf_insn>& insns, __u32 start, size_t count, __u32 accessor) {
  for (__u32 i = start; i < start + count; i++)
    if (insns[i].code == (BPF_JMP | BPF_CALL) && insns[i].src_reg == BPF_PSEUDO_CALL)
      insns[i].imm = static_cast<__s32>(accessor) - static_cast<__s32>(i) - 1;
}

/** Moves the records behind the stub; inside it only one at its start is kept (the verifier wants
 * it). */
std::vector<unsigned char> moved_records(const void* records, __u32 count, __u32 record_size,
                                         const Span& span) {
  std::vector<unsigned char> result;
  auto record = static_cast<const unsigned char*>(records);
  for (__u32 i = 0; i < count; i++, record += record_size) {
    __u32 offset = insn_offset(record);
    if (offset > span.start && offset < span.end) continue;
    result.insert(result.end(), record, record + record_size);
    set_insn_offset(result.data() + result.size() - record_size, span.moved(offset));
  }
  return result;
}

}  // namespace

int FilterSplice::apply(std::vector<bpf_insn>& insns, bpf_prog_load_opts* options) {
  Span span{}, accessor{};
  __u32 count = insns.size();
  // The program at the return of a function asks for no packet.
  if (body_.empty() || !find_function(types_, options, count, kStub, &span)) return 0;
  if (!find_function(types_, options, count, kAccessor, &accessor)) return -ENOENT;
  span.delta = static_cast<long>(body_.size()) - (span.end - span.start);

  const std::vector<bpf_insn> old = insns;
  insns.erase(insns.begin() + span.start, insns.begin() + span.end);
  insns.insert(insns.begin() + span.start, body_.begin(), body_.end());
  fix_references(insns, old, span);
  fix_body_calls(insns, span.start, body_.size(), span.moved(accessor.start));

  func_info_ =
      moved_records(options->func_info, options->func_info_cnt, options->func_info_rec_size, span);
  line_info_ =
      moved_records(options->line_info, options->line_info_cnt, options->line_info_rec_size, span);
  options->func_info = func_info_.data();
  options->line_info = line_info_.data();
  options->line_info_cnt = line_info_.size() / options->line_info_rec_size;
  return 0;
}

}  // namespace taptrace
