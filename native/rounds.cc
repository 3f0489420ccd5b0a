#include "rounds.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace taptrace {

namespace {

constexpr long kBusyMs = 1;
// Rings are far from full: a round costs as much as hundreds of records.
constexpr long kLazyMs = 10;
// Empty ones, before it goes back to sleep.
constexpr int kIdleRounds = 3;

}  // namespace

Rounds::~Rounds() { stop(); }

int Rounds::start(napi_env env, int rings_fd, size_t lazy_below, std::function<size_t()> round) {
  timer_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer_fd_ < 0) return -errno;
  env_ = env;
  rings_fd_ = rings_fd;
  lazy_below_ = lazy_below;
  round_ = std::move(round);
  timer_poll_ = Poll::start(
      env, timer_fd_, [this] { timer_ran_out(); }, [this] { timer_poll_ = nullptr; });
  sleep();
  return 0;
}

void Rounds::stop() {
  for (Poll* poll : {timer_poll_, ring_poll_})
    if (poll) poll->stop();
  timer_poll_ = ring_poll_ = nullptr;
  if (timer_fd_ >= 0) ::close(timer_fd_);
  timer_fd_ = -1;
}

void Rounds::timer_ran_out() {
  uint64_t expirations;
  if (read(timer_fd_, &expirations, sizeof(expirations)) > 0) run();
}

void Rounds::run() {
  size_t bytes = round_();
  if (timer_fd_ < 0) return;
  empty_rounds_ = bytes ? 0 : empty_rounds_ + 1;
  if (empty_rounds_ > kIdleRounds)
    sleep();
  else
    rest(bytes < lazy_below_ ? kLazyMs : kBusyMs);
}

void Rounds::sleep() {
  empty_rounds_ = 0;
  ring_poll_ = Poll::start(
      env_, rings_fd_, [this] { wake(); }, [this] { ring_poll_ = nullptr; });
}

void Rounds::wake() {
  ring_poll_->stop();
  ring_poll_ = nullptr;
  run();
}

void Rounds::rest(long milliseconds) {
  itimerspec when{};
  when.it_value.tv_nsec = milliseconds * 1000000;
  timerfd_settime(timer_fd_, 0, &when, nullptr);
}

}  // namespace taptrace
