#include "recording_writer.h"

#include <unistd.h>

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

SocketStages socket_stages(const Napi::Object& options) {
  return {static_cast<uint8_t>(number_at(options, "deliveryStage")),
          static_cast<uint8_t>(number_at(options, "dropStage"))};
}

uint64_t boot_ns_of(const Napi::Object& options) {
  bool lossless;
  return options.Get("bootNs").As<Napi::BigInt>().Uint64Value(&lossless);
}

}  // namespace

void RecordingWriter::export_class(Napi::Env env, Napi::Object exports) {
  exports.Set("RecordingWriter",
              DefineClass(env, "RecordingWriter",
                          {
                              InstanceMethod<&RecordingWriter::set_file>("setFile"),
                              InstanceMethod<&RecordingWriter::drain>("drain"),
                              InstanceMethod<&RecordingWriter::add>("add"),
                              InstanceMethod<&RecordingWriter::look>("look"),
                              InstanceMethod<&RecordingWriter::append>("append"),
                              InstanceMethod<&RecordingWriter::flush>("flush"),
                              InstanceMethod<&RecordingWriter::forget_device>("forgetDevice"),
                              InstanceMethod<&RecordingWriter::offset>("offset"),
                              InstanceMethod<&RecordingWriter::safe_events>("safeEvents"),
                          }));
}

RecordingWriter::RecordingWriter(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RecordingWriter>(info),
      boot_ns_(boot_ns_of(info[0].As<Napi::Object>())),
      scan_(number_at(info[0].As<Napi::Object>(), "rings"),
            socket_stages(info[0].As<Napi::Object>())) {}

/** setFile(fd, isRegular): what follows goes there, from its beginning. */
void RecordingWriter::set_file(const Napi::CallbackInfo& info) {
  write(info.Env());
  fd_ = info[0].ToNumber();
  is_regular_ = info[1].ToBoolean();
  file_bytes_ = 0;
}

/** drain(session, ring): records of the ring, as many as one chunk holds. */
Napi::Value RecordingWriter::drain(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint32_t index = info[1].ToNumber();
  Ring* ring = Session::Unwrap(info[0].As<Napi::Object>())->ring_at(index);
  if (!ring) throw Napi::Error::New(env, "no such ring buffer in this session");
  Batch batch;
  size_t bytes = 0;
  DrainEnd end = ring->read([&](const tap_record& record) {
    if (buffer_.used() + bytes >= ChunkBuffer::kFullBytes) return false;
    memcpy(buffer_.records() + bytes, &record, record.record_len);
    bytes += record.record_len;
    scan_.look(record, index, &batch);
    return true;
  });
  events_ += batch.events;
  if (bytes > 0) buffer_.end_records(index, bytes, events_);
  Napi::Object result = this->result(env, batch);
  result.Set("bytes", static_cast<double>(bytes));
  result.Set("end", static_cast<uint32_t>(end));
  if (buffer_.is_full()) write(env);
  return result;
}

Batch RecordingWriter::look_at(uint32_t ring, const Napi::Uint8Array& records) {
  Batch batch;
  for (size_t at = 0; at + sizeof(tap_record) <= records.ByteLength();) {
    auto record = reinterpret_cast<const tap_record*>(records.Data() + at);
    scan_.look(*record, ring, &batch);
    at += record->record_len;
  }
  events_ += batch.events;
  return batch;
}

/** add(ring, records): writes records that were drained before. */
Napi::Value RecordingWriter::add(const Napi::CallbackInfo& info) {
  uint32_t ring = info[0].ToNumber();
  auto records = info[1].As<Napi::Uint8Array>();
  Napi::Object result = this->result(info.Env(), look_at(ring, records));
  buffer_.announce_records(ring, records.ByteLength(), events_);
  write(info.Env(), reinterpret_cast<const char*>(records.Data()), records.ByteLength());
  return result;
}

/** look(ring, records): as add(), but they are not written; the next chunk holds them. */
Napi::Value RecordingWriter::look(const Napi::CallbackInfo& info) {
  return result(info.Env(), look_at(info[0].ToNumber(), info[1].As<Napi::Uint8Array>()));
}

/** append(chunk): goes out with the next flush(), or before. */
void RecordingWriter::append(const Napi::CallbackInfo& info) {
  auto chunk = info[0].As<Napi::Uint8Array>();
  auto bytes = reinterpret_cast<const char*>(chunk.Data());
  if (!buffer_.append(bytes, chunk.ByteLength(), events_))
    write(info.Env(), bytes, chunk.ByteLength());
  else if (buffer_.is_full())
    write(info.Env());
}

void RecordingWriter::write(Napi::Env env, const char* behind, size_t bytes) {
  if (buffer_.used() + bytes == 0) return;
  ChunkBuffer::Written written = buffer_.write(fd_, behind, bytes);
  file_bytes_ += written.bytes;
  if (!written.error) return;
  int ignored = is_regular_ ? ftruncate(fd_, file_bytes_) : 0;
  (void)ignored;
  throw system_error(env, "write", -written.error);
}

/** forgetDevice(netnsInum, ifindex): it is told again when it is met again. */
void RecordingWriter::forget_device(const Napi::CallbackInfo& info) {
  scan_.forget_device({info[0].ToNumber(), info[1].ToNumber()});
}

/** offset(): where in the file the next chunk begins. */
Napi::Value RecordingWriter::offset(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(file_bytes_ + buffer_.used()));
}

/** safeEvents(): in chunks that have been written whole. */
Napi::Value RecordingWriter::safe_events(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(buffer_.safe_mark()));
}

double RecordingWriter::since_begin(uint64_t ns) const {
  return static_cast<double>(static_cast<int64_t>(ns - boot_ns_));
}

Napi::Object RecordingWriter::result(Napi::Env env, const Batch& batch) const {
  Napi::Object result = Napi::Object::New(env);
  result.Set("events", static_cast<double>(batch.events));
  result.Set("firstNs", since_begin(batch.first_ns));
  result.Set("latestNs", since_begin(batch.latest_ns));
  result.Set("lastNs", since_begin(batch.last_ns));
  result.Set("isMissing", batch.is_missing);
  result.Set("news", news_object(env, batch.news));
  return result;
}

}  // namespace taptrace
