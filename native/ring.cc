#include "ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace taptrace {

namespace {

const size_t kPageBytes = sysconf(_SC_PAGESIZE);

}  // namespace

// Layout of the mapping: kernel/bpf/ringbuf.c, struct bpf_ringbuf: a consumer page that we may
// write, a producer page, and the data twice in a row so that no record ever wraps.
int Ring::open(int fd, uint32_t ring_bytes) {
  fd_ = fd;
  mask_ = ring_bytes - 1;
  void* page = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return -errno;
  consumer_position_ = static_cast<uint64_t*>(page);
  producer_bytes_ = kPageBytes + ring_bytes + std::min<size_t>(ring_bytes, kRecordBytesMax);
  page = mmap(nullptr, producer_bytes_, PROT_READ, MAP_SHARED, fd, kPageBytes);
  if (page == MAP_FAILED) return -errno;
  producer_page_ = static_cast<char*>(page);
  data_ = producer_page_ + kPageBytes;
  return 0;
}

size_t Ring::drain(char* to, size_t room, DrainEnd* end) {
  size_t written = 0;
  *end = read([&](const tap_record& record) {
    if (written + record.record_len > room) return false;
    memcpy(to + written, &record, record.record_len);
    written += record.record_len;
    return true;
  });
  return written;
}

void Ring::close() {
  if (producer_page_) munmap(producer_page_, producer_bytes_);
  if (consumer_position_) munmap(consumer_position_, kPageBytes);
  if (fd_ >= 0) ::close(fd_);
  producer_page_ = nullptr;
  consumer_position_ = nullptr;
  data_ = nullptr;
  fd_ = -1;
}

}  // namespace taptrace
