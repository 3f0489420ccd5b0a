#include "poll.h"

#include <utility>

namespace taptrace {

Poll* Poll::start(napi_env env, int fd, std::function<void()> on_readable,
                  std::function<void()> on_environment_end) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  auto poll = new Poll;
  poll->on_readable_ = std::move(on_readable);
  poll->on_environment_end_ = std::move(on_environment_end);
  poll->handle_.data = poll;
  if (uv_poll_init(loop, &poll->handle_, fd)) {
    delete poll;
    return nullptr;
  }
  napi_add_async_cleanup_hook(env, environment_ends, poll, &poll->hook_);
  uv_poll_start(&poll->handle_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<Poll*>(handle->data)->on_readable_();
  });
  return poll;
}

void Poll::stop() {
  if (stopping_) return;
  stopping_ = true;
  uv_poll_stop(&handle_);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), closed);
}

void Poll::environment_ends(napi_async_cleanup_hook_handle, void* data) {
  auto poll = static_cast<Poll*>(data);
  if (poll->stopping_) return;
  poll->on_environment_end_();
  poll->stop();
}

void Poll::closed(uv_handle_t* handle) {
  auto poll = static_cast<Poll*>(handle->data);
  napi_remove_async_cleanup_hook(poll->hook_);
  delete poll;
}

}  // namespace taptrace
