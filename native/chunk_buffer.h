// Chunks of a recording on their way to its file: they gather here and leave by one writev(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace taptrace {

/** A chunk of the kind Round, with its length in front; its time, CLOCK_BOOTTIME, is left out where
 * it is kNoTime. */
constexpr uint64_t kNoTime = UINT64_MAX;
std::vector<char> round_chunk(uint64_t until_ns);

class ChunkBuffer {
 public:
  /** Above this it is to be written. */
  static constexpr size_t kFullBytes = 1 << 18;
  /** What stands in front of raw records. */
  static constexpr size_t kPrefixBytes = 18;

  ChunkBuffer();

  size_t used() const { return used_; }
  bool is_full() const { return used_ >= kFullBytes; }

  /** Where the records of the next chunk go; beyond kFullBytes there is room for one that is as
   * long as records get. */
  char* records() { return bytes_.data() + used_ + kPrefixBytes; }
  /** They are there, so many bytes: a chunk is made of them. `mark` says how far it goes. */
  void end_records(uint32_t ring, size_t bytes, uint64_t mark);
  /** As end_records(), but the records lie elsewhere, and have to be written behind it next. */
  void announce_records(uint32_t ring, size_t bytes, uint64_t mark);
  /** A chunk with its length in front; false where it is too long to be copied, and has to be
   * written behind it next. Not while is_full(). */
  bool append(const char* chunk, size_t bytes, uint64_t mark);

  struct Written {
    /** 0 or a negative errno. */
    int error = 0;
    /** Of whole chunks. */
    size_t bytes = 0;
  };
  /** Writes all chunks, and what lies elsewhere. The buffer is empty afterwards, also where that
   * failed. */
  Written write(int fd, const char* behind = nullptr, size_t bytes = 0);
  void clear();
  /** Of the last chunk that was written whole. */
  uint64_t safe_mark() const { return safe_mark_; }

 private:
  struct End {
    size_t at;
    uint64_t mark;
  };

  std::vector<char> bytes_;
  size_t used_ = 0;
  std::vector<End> ends_;
  uint64_t safe_mark_ = 0;
};

}  // namespace taptrace
