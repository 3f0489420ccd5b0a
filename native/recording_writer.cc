#include "recording_writer.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "error.h"
#include "session.h"

namespace taptrace {

namespace {

template <typename T, typename Make>
Napi::Array array_of(Napi::Env env, const std::vector<T>& values, Make make) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); i++) array[i] = make(values[i]);
  return array;
}

Napi::Value device_object(Napi::Env env, const tap_device& device) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("netnsInum", device.netns_inum);
  object.Set("ifindex", device.ifindex);
  return object;
}

Napi::Value news_object(Napi::Env env, const News& news) {
  if (news.empty()) return env.Null();
  auto number = [&](auto value) { return Napi::Number::New(env, value); };
  auto big = [&](uint64_t value) { return Napi::BigInt::New(env, value); };
  auto device = [&](const tap_device& one) { return device_object(env, one); };
  auto record = [&](const tap_record& one) {
    return Napi::Buffer<char>::Copy(env, reinterpret_cast<const char*>(&one), sizeof(one));
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("devices", array_of(env, news.devices, device));
  object.Set("locations", array_of(env, news.locations, big));
  object.Set("stacks", array_of(env, news.stacks, number));
  object.Set("dropReasons", array_of(env, news.reasons, number));
  object.Set("sockets", array_of(env, news.sockets, record));
  return object;
}

uint32_t number_at(const Napi::Object& object, const char* name) {
  return object.Get(name).ToNumber();
}

uint64_t big_at(const Napi::Object& object, const char* name) {
  bool lossless;
  return object.Get(name).As<Napi::BigInt>().Uint64Value(&lossless);
}

SocketStages socket_stages(const Napi::Object& options) {
  return {static_cast<uint8_t>(number_at(options, "deliveryStage")),
          static_cast<uint8_t>(number_at(options, "dropStage"))};
}

Napi::FunctionReference function_at(const Napi::Object& object, const char* name) {
  Napi::Value value = object.Get(name);
  return value.IsFunction() ? Napi::Persistent(value.As<Napi::Function>())
                            : Napi::FunctionReference();
}

uint64_t boot_time_ns() {
  timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

}  // namespace

void RecordingWriter::export_class(Napi::Env env, Napi::Object exports) {
  using Writer = RecordingWriter;
  exports.Set("RecordingWriter",
              DefineClass(env, "RecordingWriter",
                          {
                              InstanceMethod<&Writer::set_file>("setFile"),
                              InstanceMethod<&Writer::add>("add"),
                              InstanceMethod<&Writer::look>("look"),
                              InstanceMethod<&Writer::append>("append"),
                              InstanceMethod<&Writer::flush>("flush"),
                              InstanceMethod<&Writer::round_call>("round"),
                              InstanceMethod<&Writer::take>("take"),
                              InstanceMethod<&Writer::forget_device>("forgetDevice"),
                              InstanceMethod<&Writer::offset_call>("offset"),
                              InstanceMethod<&Writer::safe_events>("safeEvents"),
                              InstanceMethod<&Writer::start>("start"),
                              InstanceMethod<&Writer::stop>("stop"),
                              InstanceMethod<&Writer::finish>("finish"),
                              InstanceMethod<&Writer::read_until>("readUntilNs"),
                              InstanceMethod<&Writer::high_water_bytes>("highWaterBytes"),
                          }));
}

RecordingWriter::RecordingWriter(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RecordingWriter>(info),
      boot_ns_(big_at(info[0].As<Napi::Object>(), "bootNs")),
      scan_(number_at(info[0].As<Napi::Object>(), "rings"),
            socket_stages(info[0].As<Napi::Object>())),
      on_news_(function_at(info[0].As<Napi::Object>(), "onNews")),
      on_error_(function_at(info[0].As<Napi::Object>(), "onError")),
      before_chunk_(function_at(info[0].As<Napi::Object>(), "beforeChunk")),
      read_until_ns_(boot_ns_),
      last_ns_(number_at(info[0].As<Napi::Object>(), "rings"), 0) {}

/** setFile(fd, isRegular): what follows goes there, from its beginning; -1: nowhere. */
void RecordingWriter::set_file(const Napi::CallbackInfo& info) {
  fd_ = info[0].ToNumber();
  is_regular_ = info[1].ToBoolean();
  file_bytes_ = 0;
}

double RecordingWriter::look_at(uint32_t ring, const Napi::Uint8Array& records) {
  Batch batch;
  for (size_t at = 0; at < records.ByteLength();) {
    auto record = reinterpret_cast<const tap_record*>(records.Data() + at);
    scan_.look(*record, ring, &batch);
    at += record->record_len;
  }
  gathered(offset(), batch);
  return since_begin(batch.last_ns);
}

/** add(ring, records): writes records that were read before, at once; the time of the last one. */
Napi::Value RecordingWriter::add(const Napi::CallbackInfo& info) {
  uint32_t ring = info[0].ToNumber();
  auto records = info[1].As<Napi::Uint8Array>();
  double last_ns = look_at(ring, records);
  buffer_.announce_records(ring, records.ByteLength(), events_);
  write(reinterpret_cast<const char*>(records.Data()), records.ByteLength());
  return Napi::Number::New(info.Env(), last_ns);
}

/** look(ring, records): as add(), but they are not written; the next chunk holds them. */
Napi::Value RecordingWriter::look(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), look_at(info[0].ToNumber(), info[1].As<Napi::Uint8Array>()));
}

/** append(chunk): goes out with the next flush() or round, or before. */
void RecordingWriter::append(const Napi::CallbackInfo& info) {
  auto chunk = info[0].As<Napi::Uint8Array>();
  append(reinterpret_cast<const char*>(chunk.Data()), chunk.ByteLength());
}

void RecordingWriter::append(const char* chunk, size_t bytes) {
  if (!buffer_.append(chunk, bytes, events_))
    write(chunk, bytes);
  else if (buffer_.is_full())
    write();
}

void RecordingWriter::write(const char* behind, size_t bytes) {
  if (fd_ < 0) return buffer_.clear();
  if (buffer_.used() + bytes == 0) return;
  ChunkBuffer::Written written = buffer_.write(fd_, behind, bytes);
  file_bytes_ += written.bytes;
  if (!written.error) return;
  // Where this fails as well the file ends with a chunk that is cut.
  int ignored = is_regular_ ? ftruncate(fd_, file_bytes_) : 0;
  (void)ignored;
  throw system_error(Env(), "write", -written.error);
}

void RecordingWriter::gathered(uint64_t offset, const Batch& batch) {
  events_ += batch.events;
  latest_ns_ = std::max(latest_ns_, batch.latest_ns);
  is_missing_ = is_missing_ || batch.is_missing;
  chunks_.push_back({offset, batch.events, batch.first_ns, batch.latest_ns});
  news_.add(batch.news);
}

/** take(): what has been met since the last time. */
Napi::Value RecordingWriter::take(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  result.Set("chunks", array_of(env, chunks_, [&](const Chunk& chunk) {
               Napi::Object object = Napi::Object::New(env);
               object.Set("offset", static_cast<double>(chunk.offset));
               object.Set("events", static_cast<double>(chunk.events));
               object.Set("firstNs", since_begin(chunk.first_ns));
               object.Set("lastNs", since_begin(chunk.latest_ns));
               return object;
             }));
  result.Set("isMissing", is_missing_);
  result.Set("news", news_object(env, news_));
  chunks_.clear();
  news_ = {};
  is_missing_ = false;
  return result;
}

/** round(untilNs): every ring has been read up to there; infinity: to its end. */
void RecordingWriter::round_call(const Napi::CallbackInfo& info) {
  double until_ns = info[0].ToNumber();
  if (std::isfinite(until_ns))
    end_round(boot_ns_ + static_cast<int64_t>(until_ns));
  else
    end_round(until_ns > 0 ? kNoTime : 0);
}

void RecordingWriter::end_round(uint64_t until_ns) {
  if (latest_ns_ > covered_ns_) {
    covered_ns_ = until_ns;
    if (is_missing_ || !news_.empty()) call(on_news_);
    if (until_ns > 0) {
      std::vector<char> chunk = round_chunk(until_ns);
      append(chunk.data(), chunk.size());
    }
  }
  write();
}

/** start(session, behindNs, lazyBelowBytes, drained?): reads the session's rings until stop(). */
void RecordingWriter::start(const Napi::CallbackInfo& info) {
  session_object_ = Napi::Persistent(info[0].As<Napi::Object>());
  session_ = Session::Unwrap(info[0].As<Napi::Object>());
  behind_ns_ = static_cast<uint64_t>(info[1].ToNumber().DoubleValue());
  size_t lazy_below = info[2].ToNumber().DoubleValue();
  if (info[3].IsFunction()) drained_ = Napi::Persistent(info[3].As<Napi::Function>());
  int error =
      rounds_.start(info.Env(), session_->rings_fd(), lazy_below, [this] { return timed_round(); });
  if (error) throw system_error(info.Env(), "start reading", -error);
}

size_t RecordingWriter::timed_round() {
  Napi::HandleScope scope(Env());
  try {
    RingsRead read = read_rings();
    read_until_ns_ = std::max(read_until_ns_, read.until_ns);
    end_round(read.until_ns);
    return read.bytes;
  } catch (const Napi::Error& error) {
    failed(error);
    return 0;
  }
}

/** finish(): reads everything that is left, once nothing is added any more. */
void RecordingWriter::finish(const Napi::CallbackInfo&) {
  while (fd_ >= 0) {
    RingsRead read = read_rings();
    if (read.all_empty && read.bytes == 0) break;
    end_round(read.until_ns);
  }
  end_round(kNoTime);
}

RecordingWriter::RingsRead RecordingWriter::read_rings() {
  RingsRead all;
  all.until_ns = boot_time_ns() - behind_ns_;
  for (uint32_t index = 0; Ring* ring = session_->ring_at(index); index++) {
    high_water_bytes_ = std::max(high_water_bytes_, ring->fill_bytes());
    bool is_empty = read_ring(*ring, index, &all.bytes) == DrainEnd::kEmpty;
    if (!is_empty) all.until_ns = std::min(all.until_ns, last_ns_[index]);
    all.all_empty = all.all_empty && is_empty;
  }
  if (all.bytes > 0 && !drained_.IsEmpty()) call(drained_);
  return all;
}

/** As much as is there now: others, signals and timers get their turn. */
DrainEnd RecordingWriter::read_ring(Ring& ring, uint32_t index, size_t* bytes) {
  uint64_t there = ring.fill_bytes(), position = ring.position();
  DrainEnd end;
  do end = read_chunk(ring, index, bytes);
  while (end == DrainEnd::kNoRoom && fd_ >= 0 && ring.position() - position < there);
  return end;
}

DrainEnd RecordingWriter::read_chunk(Ring& ring, uint32_t index, size_t* total) {
  Batch batch;
  size_t bytes = 0;
  DrainEnd end = ring.read([&](const tap_record& record) {
    if (bytes == 0 && !before_chunk_.IsEmpty()) call(before_chunk_);
    if (fd_ < 0) return false;
    if (buffer_.used() + bytes >= ChunkBuffer::kFullBytes) return false;
    memcpy(buffer_.records() + bytes, &record, record.record_len);
    bytes += record.record_len;
    scan_.look(record, index, &batch);
    return true;
  });
  if (bytes > 0) {
    gathered(offset(), batch);
    buffer_.end_records(index, bytes, events_);
    last_ns_[index] = batch.last_ns;
    *total += bytes;
  }
  if (buffer_.is_full()) write();
  if (end == DrainEnd::kDamaged)
    throw Napi::Error::New(Env(), "a ring buffer holds what is no record of ours");
  return end;
}

void RecordingWriter::call(const Napi::FunctionReference& function) {
  function.MakeCallback(Env().Global(), {});
}

void RecordingWriter::failed(const Napi::Error& error) {
  rounds_.stop();
  try {
    on_error_.MakeCallback(Env().Global(), {error.Value()});
  } catch (const Napi::Error& thrown) {
    // No caller in JavaScript to throw to. In a thread that is being terminated this does nothing.
    napi_fatal_exception(Env(), thrown.Value());
  }
}

/** forgetDevice(netnsInum, ifindex): it is told again when it is met again. */
void RecordingWriter::forget_device(const Napi::CallbackInfo& info) {
  scan_.forget_device({info[0].ToNumber(), info[1].ToNumber()});
}

/** offset(): where in the file the next chunk begins. */
Napi::Value RecordingWriter::offset_call(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(offset()));
}

/** safeEvents(): in chunks that have been written whole. */
Napi::Value RecordingWriter::safe_events(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(buffer_.safe_mark()));
}

/** readUntilNs(): CLOCK_BOOTTIME up to which every ring has been read; null: all that was there a
 * while ago. */
Napi::Value RecordingWriter::read_until(const Napi::CallbackInfo& info) {
  if (rounds_.is_asleep()) return info.Env().Null();
  return Napi::BigInt::New(info.Env(), read_until_ns_);
}

/** highWaterBytes(): in a ring, the most that was seen. */
Napi::Value RecordingWriter::high_water_bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(high_water_bytes_));
}

}  // namespace taptrace
