// Reading one BPF ring buffer: whole records, only the bytes that mean something.
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <cstddef>
#include <cstdint>

#include "event.h"

namespace taptrace {

enum class DrainEnd : uint32_t {
  kEmpty = 0,    // nothing was left
  kBusy = 1,     // the next record is reserved but not yet submitted
  kNoRoom = 2,   // the next record does not fit into the destination
  kDamaged = 3,  // a record contradicts its own length: the ring was not written by our programs
};

class Ring {
 public:
  // More than the longest record (bpf/tap.h, size_class).
  static constexpr size_t kRecordBytesMax = 1 << 19;

  Ring() = default;
  ~Ring() { close(); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /** Takes over `fd`. 0 or a negative errno. */
  int open(int fd, uint32_t ring_bytes);
  /**
   * Hands the records that are there now to `take`, in order, until it returns false: no room. They
   * are the ring's own memory, and are gone afterwards.
   */
  template <typename Take>
  DrainEnd read(Take take);
  /** Copies records to `to`; returns the bytes written and says why it stopped. */
  size_t drain(char* to, size_t room, DrainEnd* end);
  /** Bytes that have been read so far, with those between records. */
  uint64_t position() const { return *consumer_position_; }
  /** Bytes in use, a snapshot. */
  uint64_t fill_bytes() const { return produced() - *consumer_position_; }
  int fd() const { return fd_; }
  void close();

 private:
  uint64_t produced() const {
    return __atomic_load_n(reinterpret_cast<const uint64_t*>(producer_page_), __ATOMIC_ACQUIRE);
  }

  int fd_ = -1;
  uint64_t mask_ = 0;
  size_t producer_bytes_ = 0;
  uint64_t* consumer_position_ = nullptr;
  char* producer_page_ = nullptr;
  const char* data_ = nullptr;
};

template <typename Take>
DrainEnd Ring::read(Take take) {
  uint64_t position = *consumer_position_;
  const uint64_t limit = produced();
  DrainEnd end = DrainEnd::kEmpty;
  while (position < limit) {
    const char* slot = data_ + (position & mask_);
    uint32_t header = __atomic_load_n(reinterpret_cast<const uint32_t*>(slot), __ATOMIC_ACQUIRE);
    if (header & BPF_RINGBUF_BUSY_BIT) {
      end = DrainEnd::kBusy;
      break;
    }
    uint32_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
      auto record = reinterpret_cast<const tap_record*>(slot + BPF_RINGBUF_HDR_SZ);
      uint32_t bytes = record->record_len;
      if (bytes < sizeof(tap_record) || bytes > length || bytes % 8) {
        end = DrainEnd::kDamaged;
        break;
      }
      if (!take(*record)) {
        end = DrainEnd::kNoRoom;
        break;
      }
    }
    position += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
  }
  __atomic_store_n(consumer_position_, position, __ATOMIC_RELEASE);
  return end;
}

}  // namespace taptrace
