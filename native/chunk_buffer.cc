#include "chunk_buffer.h"

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ring.h"

namespace taptrace {

namespace {

// Field numbers of src/record/recording.proto in front of their wire types: varint 0, fixed64 1,
// length-delimited 2, fixed32 5.
constexpr char kRecordsTag = 2 << 3 | 2;
constexpr char kRoundTag = 3 << 3 | 2;
constexpr char kUntilTag = 1 << 3 | 1;
constexpr char kCrcTag = 15 << 3 | 5;
constexpr char kRingTag = 1 << 3 | 0;
constexpr char kBytesTag = 2 << 3 | 2;

// A varint of always the same length, whatever the number: readers take any length.
template <size_t kBytes>
char* put_varint(char* to, size_t value) {
  for (size_t i = 0; i + 1 < kBytes; i++, value >>= 7) *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value & 0x7f);
  return to;
}

// The length of the chunk, and all of it that stands in front of its records.
void put_prefix(char* to, uint32_t ring, size_t bytes) {
  to = put_varint<4>(to, ChunkBuffer::kPrefixBytes - 4 + bytes);
  *to++ = kRecordsTag;
  to = put_varint<4>(to, ChunkBuffer::kPrefixBytes - 9 + bytes);
  *to++ = kRingTag;
  to = put_varint<3>(to, ring);
  *to++ = kBytesTag;
  to = put_varint<4>(to, bytes);
  static_assert(ChunkBuffer::kPrefixBytes == 4 + 1 + 4 + 1 + 3 + 1 + 4);
}

// That of zlib, bit by bit: rounds are short and few.
uint32_t crc32(const char* bytes, size_t count) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < count; i++) {
    crc ^= static_cast<uint8_t>(bytes[i]);
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

template <typename T>
void put(std::vector<char>* to, T value) {
  auto bytes = reinterpret_cast<const char*>(&value);
  to->insert(to->end(), bytes, bytes + sizeof(value));
}

void skip(iovec* pieces, size_t count, size_t bytes) {
  for (size_t i = 0; i < count; i++) {
    size_t skipped = std::min(bytes, pieces[i].iov_len);
    pieces[i].iov_base = static_cast<char*>(pieces[i].iov_base) + skipped;
    pieces[i].iov_len -= skipped;
    bytes -= skipped;
  }
}

// All of them, also where the descriptor does not wait. Bytes written; 0 or a negative errno.
size_t write_all(int fd, iovec* pieces, size_t count, int* error) {
  size_t written = 0, total = 0;
  for (size_t i = 0; i < count; i++) total += pieces[i].iov_len;
  *error = 0;
  while (written < total) {
    ssize_t now = writev(fd, pieces, count);
    if (now >= 0) {
      written += now;
      skip(pieces, count, now);
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      *error = -errno;
      break;
    }
  }
  return written;
}

}  // namespace

std::vector<char> round_chunk(uint64_t until_ns) {
  bool has_time = until_ns != kNoTime;
  std::vector<char> chunk{0, kRoundTag, static_cast<char>(has_time ? 1 + sizeof(until_ns) : 0)};
  if (has_time) {
    chunk.push_back(kUntilTag);
    put(&chunk, until_ns);
  }
  uint32_t crc = crc32(chunk.data() + 1, chunk.size() - 1);
  chunk.push_back(kCrcTag);
  put(&chunk, crc);
  chunk[0] = static_cast<char>(chunk.size() - 1);
  return chunk;
}

ChunkBuffer::ChunkBuffer() : bytes_(2 * kFullBytes + Ring::kRecordBytesMax + kPrefixBytes) {}

void ChunkBuffer::end_records(uint32_t ring, size_t bytes, uint64_t mark) {
  announce_records(ring, bytes, mark);
  used_ += bytes;
}

void ChunkBuffer::announce_records(uint32_t ring, size_t bytes, uint64_t mark) {
  put_prefix(bytes_.data() + used_, ring, bytes);
  used_ += kPrefixBytes;
  ends_.push_back({used_ + bytes, mark});
}

bool ChunkBuffer::append(const char* chunk, size_t bytes, uint64_t mark) {
  ends_.push_back({used_ + bytes, mark});
  if (bytes > kFullBytes) return false;
  memcpy(bytes_.data() + used_, chunk, bytes);
  used_ += bytes;
  return true;
}

ChunkBuffer::Written ChunkBuffer::write(int fd, const char* behind, size_t bytes) {
  iovec pieces[] = {{bytes_.data(), used_}, {const_cast<char*>(behind), bytes}};
  Written result;
  size_t written = write_all(fd, pieces, 2, &result.error);
  for (const End& end : ends_) {
    if (end.at > written) break;
    result.bytes = end.at;
    safe_mark_ = end.mark;
  }
  clear();
  return result;
}

void ChunkBuffer::clear() {
  used_ = 0;
  ends_.clear();
}

}  // namespace taptrace
