// Reading one BPF ring buffer: whole records are copied out, only the bytes that mean something.
#pragma once

#include <cstddef>
#include <cstdint>

namespace taptrace {

enum class DrainEnd : uint32_t {
  kEmpty = 0,    // nothing was left
  kBusy = 1,     // the next record is reserved but not yet submitted
  kNoRoom = 2,   // the next record does not fit into the destination
  kDamaged = 3,  // a record contradicts its own length: the ring was not written by our programs
};

class Ring {
 public:
  Ring() = default;
  ~Ring() { close(); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /** Takes over `fd`. 0 or a negative errno. */
  int open(int fd, uint32_t ring_bytes);
  /** Copies records to `to`; returns the bytes written and says why it stopped. */
  size_t drain(char* to, size_t room, DrainEnd* end);
  /** Bytes in use, a snapshot. */
  uint64_t fill_bytes() const;
  int fd() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
  uint64_t mask_ = 0;
  size_t producer_bytes_ = 0;
  uint64_t* consumer_position_ = nullptr;
  char* producer_page_ = nullptr;
};

}  // namespace taptrace
