// Errors that cross into JavaScript: what was tried, errno, and the log of libbpf and the verifier.
#pragma once

#include <napi.h>

#include <string>

namespace taptrace {

/** Collects what libbpf prints on this thread while alive; nothing of it reaches stderr. */
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  const std::string& text() const { return text_; }
  void append(const char* line);

 private:
  std::string text_;
  LogCapture* outer_;
};

/** Routes libbpf's messages to the LogCapture of the calling thread. Idempotent. */
void install_log_capture();

/** An Error with `code` (errno name), `errno`, `operation` and, where there is one, `log`. */
Napi::Error system_error(Napi::Env env, const std::string& operation, int error_number,
                         const std::string& log = "");

}  // namespace taptrace
