// A descriptor that the event loop of a JavaScript environment watches.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <functional>

namespace taptrace {

/**
 * Calls `on_readable` while the descriptor has something to read. An environment that ends stops it
 * and waits: its loop closes handles late, and would otherwise find this library unloaded.
 */
class Poll {
 public:
  static Poll* start(napi_env env, int fd, std::function<void()> on_readable,
                     std::function<void()> on_environment_end);
  /** The object is gone as soon as the loop has closed its handle: not to be used any more. */
  void stop();

 private:
  Poll() = default;
  static void environment_ends(napi_async_cleanup_hook_handle hook, void* poll);
  static void closed(uv_handle_t* handle);

  uv_poll_t handle_{};
  bool stopping_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::function<void()> on_readable_;
  std::function<void()> on_environment_end_;
};

}  // namespace taptrace
