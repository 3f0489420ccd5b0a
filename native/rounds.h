// When rings are read: by a timer while there is something in them, and else once there is.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <functional>

#include "poll.h"

namespace taptrace {

class Rounds {
 public:
  Rounds() = default;
  ~Rounds();
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  /**
   * Calls `round`, which gives back how many bytes it has read, until stop(). `rings_fd` can be
   * read while a ring has something. A round of fewer bytes than `lazy_below` is followed by a
   * longer rest. 0 or a negative errno.
   */
  int start(napi_env env, int rings_fd, size_t lazy_below, std::function<size_t()> round);
  void stop();
  bool is_asleep() const { return ring_poll_ != nullptr; }

 private:
  void timer_ran_out();
  void run();
  void sleep();
  void wake();
  void rest(long milliseconds);

  napi_env env_ = nullptr;
  int rings_fd_ = -1;
  int timer_fd_ = -1;
  size_t lazy_below_ = 0;
  int empty_rounds_ = 0;
  std::function<size_t()> round_;
  Poll* timer_poll_ = nullptr;
  Poll* ring_poll_ = nullptr;
};

}  // namespace taptrace
