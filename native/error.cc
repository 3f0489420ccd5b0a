#include "error.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

namespace taptrace {

namespace {

thread_local LogCapture* current_capture = nullptr;

int capture_line(enum libbpf_print_level level, const char* format, va_list args) {
  if (level == LIBBPF_DEBUG || !current_capture) return 0;
  va_list copy;
  va_copy(copy, args);
  int length = vsnprintf(nullptr, 0, format, copy);
  va_end(copy);
  if (length <= 0) return 0;
  std::vector<char> line(length + 1);
  vsnprintf(line.data(), line.size(), format, args);
  current_capture->append(line.data());
  return length;
}

}  // namespace

LogCapture::LogCapture() : outer_(current_capture) { current_capture = this; }

LogCapture::~LogCapture() { current_capture = outer_; }

void LogCapture::append(const char* line) { text_ += line; }

void install_log_capture() {
  static std::once_flag once;
  std::call_once(once, [] { libbpf_set_print(capture_line); });
}

Napi::Error system_error(Napi::Env env, const std::string& operation, int error_number,
                         const std::string& log) {
  const char* name = strerrorname_np(error_number);
  Napi::Error error = Napi::Error::New(env, operation + ": " + strerror(error_number));
  error.Set("operation", Napi::String::New(env, operation));
  error.Set("errno", Napi::Number::New(env, error_number));
  error.Set("code", Napi::String::New(env, name ? name : "EUNKNOWN"));
  if (!log.empty()) error.Set("log", Napi::String::New(env, log));
  return error;
}

}  // namespace taptrace
