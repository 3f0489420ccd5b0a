// One look at each record on its way to a recording: what it names that was not met before, and
// whether some are missing.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "event.h"

namespace taptrace {

/** Stage numbers of the records that tell of packet sockets. */
struct SocketStages {
  uint8_t delivery;
  uint8_t drop;
};

/** What was met for the first time; sockets once a batch. */
struct News {
  std::vector<tap_device> devices;
  std::vector<uint64_t> locations;
  std::vector<int32_t> stacks;
  std::vector<uint32_t> reasons;
  /** Headers of records, put together with what amends them. */
  std::vector<tap_record> sockets;

  void add(const News& others);
  bool empty() const {
    return devices.empty() && locations.empty() && stacks.empty() && reasons.empty() &&
           sockets.empty();
  }
};

/** Records of one ring that were looked at one after the other. */
struct Batch {
  /** Those left out that only amend another one. */
  uint64_t events = 0;
  /** Of CLOCK_BOOTTIME: the earliest, the latest, and that of the last record. */
  uint64_t first_ns = UINT64_MAX;
  uint64_t latest_ns = 0;
  uint64_t last_ns = 0;
  /** Records before some of these are missing. */
  bool is_missing = false;
  News news;
};

class RecordScan {
 public:
  RecordScan(uint32_t rings, SocketStages stages) : rings_(rings), stages_(stages) {}

  /** A record of a ring, in the ring's order. */
  void look(const tap_record& record, uint32_t ring, Batch* batch);
  /** It is told again when it is met again. */
  void forget_device(const tap_device& device);

 private:
  bool is_gap(const tap_record& record, uint32_t ring);
  void device(const tap_record& record, News* news);
  void names(const tap_record& record, News* news);
  void socket(const tap_record& record, News* news);
  bool answered(const tap_record& amendment, tap_record* whole);

  uint32_t rings_;
  SocketStages stages_;
  /** The next number of each attachment on each ring. */
  std::vector<uint64_t> next_;
  uint64_t last_device_ = UINT64_MAX;
  std::unordered_set<uint64_t> devices_;
  std::unordered_set<uint64_t> locations_;
  std::unordered_set<int32_t> stacks_;
  std::unordered_set<uint32_t> reasons_;
  /** Deliveries whose answer is still to come. */
  std::vector<tap_record> pending_;
};

}  // namespace taptrace
