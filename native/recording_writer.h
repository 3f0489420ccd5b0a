// Writes a recording: from a ring into a chunk and to its file, without JavaScript between them.
#pragma once

#include <napi.h>

#include "chunk_buffer.h"
#include "record_scan.h"

namespace taptrace {

class RecordingWriter : public Napi::ObjectWrap<RecordingWriter> {
 public:
  static void export_class(Napi::Env env, Napi::Object exports);
  explicit RecordingWriter(const Napi::CallbackInfo& info);

 private:
  void set_file(const Napi::CallbackInfo& info);
  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value add(const Napi::CallbackInfo& info);
  Napi::Value look(const Napi::CallbackInfo& info);
  void append(const Napi::CallbackInfo& info);
  void flush(const Napi::CallbackInfo& info) { write(info.Env()); }
  void forget_device(const Napi::CallbackInfo& info);
  Napi::Value offset(const Napi::CallbackInfo& info);
  Napi::Value safe_events(const Napi::CallbackInfo& info);

  Batch look_at(uint32_t ring, const Napi::Uint8Array& records);
  Napi::Object result(Napi::Env env, const Batch& batch) const;
  double since_begin(uint64_t ns) const;
  void write(Napi::Env env, const char* behind = nullptr, size_t bytes = 0);

  int fd_ = -1;
  /** What is left of a chunk that could not be written whole can be taken back. */
  bool is_regular_ = false;
  /** Whole chunks in the file. */
  uint64_t file_bytes_ = 0;
  uint64_t events_ = 0;
  uint64_t boot_ns_;
  RecordScan scan_;
  ChunkBuffer buffer_;
};

}  // namespace taptrace
