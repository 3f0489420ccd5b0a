#include "ring.h"

#include <linux/bpf.h>
#include <linux/types.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "event.h"

namespace taptrace {

namespace {

// More than the longest record (bpf/tap.h, size_class): what may wrap past the end of the data.
constexpr size_t kWrapBytes = 1 << 19;
const size_t kPageBytes = sysconf(_SC_PAGESIZE);

uint64_t load_acquire(const uint64_t* value) { return __atomic_load_n(value, __ATOMIC_ACQUIRE); }

}  // namespace

// Layout of the mapping: kernel/bpf/ringbuf.c, struct bpf_ringbuf: a consumer page that we may
// write, a producer page, and the data twice in a row so that no record ever wraps.
int Ring::open(int fd, uint32_t ring_bytes) {
  fd_ = fd;
  mask_ = ring_bytes - 1;
  void* page = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return -errno;
  consumer_position_ = static_cast<uint64_t*>(page);
  producer_bytes_ = kPageBytes + ring_bytes + std::min<size_t>(ring_bytes, kWrapBytes);
  page = mmap(nullptr, producer_bytes_, PROT_READ, MAP_SHARED, fd, kPageBytes);
  if (page == MAP_FAILED) return -errno;
  producer_page_ = static_cast<char*>(page);
  return 0;
}

size_t Ring::drain(char* to, size_t room, DrainEnd* end) {
  uint64_t position = *consumer_position_, written = 0;
  uint64_t limit = load_acquire(reinterpret_cast<uint64_t*>(producer_page_));
  const char* data = producer_page_ + kPageBytes;
  *end = DrainEnd::kEmpty;
  while (position < limit) {
    const char* slot = data + (position & mask_);
    uint32_t header = __atomic_load_n(reinterpret_cast<const uint32_t*>(slot), __ATOMIC_ACQUIRE);
    if (header & BPF_RINGBUF_BUSY_BIT) {
      *end = DrainEnd::kBusy;
      break;
    }
    uint32_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
      const char* record = slot + BPF_RINGBUF_HDR_SZ;
      uint32_t bytes = reinterpret_cast<const tap_record*>(record)->record_len;
      if (bytes < sizeof(tap_record) || bytes > length || bytes % 8) {
        *end = DrainEnd::kDamaged;
        break;
      }
      if (written + bytes > room) {
        *end = DrainEnd::kNoRoom;
        break;
      }
      memcpy(to + written, record, bytes);
      written += bytes;
    }
    position += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
  }
  __atomic_store_n(consumer_position_, position, __ATOMIC_RELEASE);
  return written;
}

uint64_t Ring::fill_bytes() const {
  return load_acquire(reinterpret_cast<uint64_t*>(producer_page_)) - *consumer_position_;
}

void Ring::close() {
  if (producer_page_) munmap(producer_page_, producer_bytes_);
  if (consumer_position_) munmap(consumer_position_, kPageBytes);
  if (fd_ >= 0) ::close(fd_);
  producer_page_ = nullptr;
  consumer_position_ = nullptr;
  fd_ = -1;
}

}  // namespace taptrace
