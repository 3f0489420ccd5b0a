// Writes a recording: from the rings into chunks and to their file, without JavaScript between
// them; it is called for what it has to know.
#pragma once

#include <napi.h>

#include "chunk_buffer.h"
#include "record_scan.h"
#include "ring.h"
#include "rounds.h"

namespace taptrace {

class Session;

class RecordingWriter : public Napi::ObjectWrap<RecordingWriter> {
 public:
  static void export_class(Napi::Env env, Napi::Object exports);
  explicit RecordingWriter(const Napi::CallbackInfo& info);

 private:
  void set_file(const Napi::CallbackInfo& info);
  Napi::Value add(const Napi::CallbackInfo& info);
  Napi::Value look(const Napi::CallbackInfo& info);
  void append(const Napi::CallbackInfo& info);
  void flush(const Napi::CallbackInfo&) { write(); }
  void round_call(const Napi::CallbackInfo& info);
  Napi::Value take(const Napi::CallbackInfo& info);
  void forget_device(const Napi::CallbackInfo& info);
  Napi::Value offset_call(const Napi::CallbackInfo& info);
  Napi::Value safe_events(const Napi::CallbackInfo& info);
  void start(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo&) { rounds_.stop(); }
  void finish(const Napi::CallbackInfo& info);
  Napi::Value read_until(const Napi::CallbackInfo& info);
  Napi::Value high_water_bytes(const Napi::CallbackInfo& info);

  struct RingsRead {
    size_t bytes = 0;
    /** Up to this time of CLOCK_BOOTTIME no ring can bring anything new. */
    uint64_t until_ns = 0;
    bool all_empty = true;
  };

  uint64_t offset() const { return file_bytes_ + buffer_.used(); }
  double look_at(uint32_t ring, const Napi::Uint8Array& records);
  size_t timed_round();
  RingsRead read_rings();
  DrainEnd read_ring(Ring& ring, uint32_t index, size_t* bytes);
  DrainEnd read_chunk(Ring& ring, uint32_t index, size_t* bytes);
  void end_round(uint64_t until_ns);
  void gathered(uint64_t offset, const Batch& batch);
  void append(const char* chunk, size_t bytes);
  void write(const char* behind = nullptr, size_t bytes = 0);
  void call(const Napi::FunctionReference& function);
  void failed(const Napi::Error& error);
  double since_begin(uint64_t ns) const { return static_cast<int64_t>(ns - boot_ns_); }

  int fd_ = -1;
  /** What is left of a chunk that could not be written whole can be taken back. */
  bool is_regular_ = false;
  /** Whole chunks in the file. */
  uint64_t file_bytes_ = 0;
  uint64_t events_ = 0;
  uint64_t boot_ns_;
  uint64_t latest_ns_ = 0;
  /** A round that is later has nothing to tell. */
  uint64_t covered_ns_ = 0;
  RecordScan scan_;
  ChunkBuffer buffer_;

  struct Chunk {
    uint64_t offset;
    uint64_t events;
    uint64_t first_ns;
    uint64_t latest_ns;
  };
  /** Since take() was called. */
  std::vector<Chunk> chunks_;
  News news_;
  bool is_missing_ = false;

  Napi::FunctionReference on_news_;
  Napi::FunctionReference on_error_;
  Napi::FunctionReference before_chunk_;
  Napi::FunctionReference drained_;
  Napi::ObjectReference session_object_;
  Session* session_ = nullptr;
  uint64_t behind_ns_ = 0;
  uint64_t read_until_ns_ = 0;
  uint64_t high_water_bytes_ = 0;
  /** Of each ring, the time of its last record. */
  std::vector<uint64_t> last_ns_;
  Rounds rounds_;
};

}  // namespace taptrace
