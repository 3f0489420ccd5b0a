#include "record_scan.h"

#include <algorithm>

namespace taptrace {

namespace {

constexpr uint32_t kNamed = TAP_HAS_LOCATION | TAP_HAS_STACK | TAP_HAS_REASON;
constexpr uint32_t kOfSocket = TAP_HAS_SOCKET_INODE | TAP_HAS_AUX;
constexpr uint64_t kNoNumber = UINT64_MAX;
// A function runs once at a time on a CPU; answers that were lost leave something behind.
constexpr size_t kPendingMax = 64;

uint64_t key_of(const tap_device& device) {
  return static_cast<uint64_t>(device.netns_inum) << 32 | device.ifindex;
}

template <typename T>
void join(std::vector<T>* to, const std::vector<T>& others) {
  to->insert(to->end(), others.begin(), others.end());
}

bool is_same_socket(const tap_record& a, const tap_record& b) {
  return a.stage == b.stage && a.socket_inode == b.socket_inode && a.aux == b.aux &&
         a.present == b.present && a.netns_inum == b.netns_inum && a.reason == b.reason;
}

}  // namespace

void News::add(const News& others) {
  join(&devices, others.devices);
  join(&locations, others.locations);
  join(&stacks, others.stacks);
  join(&reasons, others.reasons);
  join(&sockets, others.sockets);
}

void RecordScan::look(const tap_record& record, uint32_t ring, Batch* batch) {
  if (!(record.flags & TAP_AMENDS)) batch->events++;
  if (is_gap(record, ring)) batch->is_missing = true;
  batch->first_ns = std::min<uint64_t>(batch->first_ns, record.time_ns);
  batch->latest_ns = std::max<uint64_t>(batch->latest_ns, record.time_ns);
  batch->last_ns = record.time_ns;
  if (record.present & TAP_HAS_IFINDEX) device(record, &batch->news);
  if (record.present & kNamed) names(record, &batch->news);
  if (record.present & kOfSocket) socket(record, &batch->news);
}

bool RecordScan::is_gap(const tap_record& record, uint32_t ring) {
  size_t source = static_cast<size_t>(record.attach_id) * rings_ + ring;
  if (source >= next_.size()) next_.resize(source + 1, kNoNumber);
  bool is_gap = next_[source] != kNoNumber && next_[source] != record.sequence;
  next_[source] = record.sequence + 1;
  return is_gap;
}

void RecordScan::device(const tap_record& record, News* news) {
  tap_device device{record.netns_inum, record.ifindex};
  uint64_t key = key_of(device);
  if (key == last_device_) return;
  last_device_ = key;
  if (devices_.insert(key).second) news->devices.push_back(device);
}

void RecordScan::forget_device(const tap_device& device) {
  devices_.erase(key_of(device));
  last_device_ = UINT64_MAX;
}

void RecordScan::names(const tap_record& record, News* news) {
  if (record.present & TAP_HAS_LOCATION && locations_.insert(record.location).second)
    news->locations.push_back(record.location);
  if (record.present & TAP_HAS_STACK && stacks_.insert(record.stack_id).second)
    news->stacks.push_back(record.stack_id);
  if (record.present & TAP_HAS_REASON && reasons_.insert(record.reason).second)
    news->reasons.push_back(record.reason);
}

// An answer alone names no socket, and with its packet's record only it does.
void RecordScan::socket(const tap_record& record, News* news) {
  if (record.stage != stages_.delivery && record.stage != stages_.drop) return;
  tap_record whole = record;
  if (record.flags & TAP_AMENDS) {
    if (!answered(record, &whole)) return;
  } else if (record.stage == stages_.delivery && !(record.present & TAP_HAS_AUX)) {
    if (pending_.size() >= kPendingMax) pending_.erase(pending_.begin());
    pending_.push_back(record);
  }
  auto is_same = [&](const tap_record& told) { return is_same_socket(told, whole); };
  if (std::none_of(news->sockets.begin(), news->sockets.end(), is_same))
    news->sockets.push_back(whole);
}

// As src/decode/amend.ts has it: the same attachment saw the same sk_buff.
bool RecordScan::answered(const tap_record& amendment, tap_record* whole) {
  for (auto entry = pending_.rbegin(); entry != pending_.rend(); ++entry) {
    if (entry->skb != amendment.skb || entry->attach_id != amendment.attach_id) continue;
    *whole = *entry;
    whole->present |= amendment.present;
    whole->verdict = amendment.verdict;
    whole->aux = amendment.aux;
    pending_.erase(std::next(entry).base());
    return true;
  }
  return false;
}

}  // namespace taptrace
