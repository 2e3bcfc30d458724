#include "os/poller.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <cerrno>

#include "base/check.h"

namespace weir {
namespace {

// libevent calls this: only noexcept callbacks can be registered (trap T11).
using Trampoline = void (*)(evutil_socket_t, short, void*) noexcept;

bool assign(event& to, event_base* base, int fd, short what, Trampoline trampoline,
            void* argument) {
  return event_assign(&to, base, fd, what, trampoline, argument) == 0;
}

void nothing(void*, Readiness) noexcept {}
void clear_armed(void* armed, Readiness) noexcept {
  *static_cast<bool*>(armed) = false;
}

}  // namespace

bool IoWatch::start(Poller& poller, int fd, Mode mode, void* owner, Trampoline trampoline) {
  DCHECK(!active());
  const short what = mode == Mode::edge ? EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST
                                        : EV_READ | EV_PERSIST;
  const bool added =
      assign(event_, poller.base_, fd, what, trampoline, owner) && event_add(&event_, nullptr) == 0;
  if (!added) event_.ev_base = nullptr;
  return added;
}

void IoWatch::stop() {
  if (!active()) return;
  event_del(&event_);
  event_.ev_base = nullptr;
}

Poller::Poller() {
  event_config* config = event_config_new();
  CHECK(config != nullptr);
  // No locks: there is one thread. No environment variables: they could choose another backend. No
  // cached time: libevent would read the clock in every turn. weir needs the edge-triggered events
  // of epoll: a fallback to poll or select is fatal.
  event_config_set_flag(
      config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NO_CACHE_TIME);
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE | EV_FEATURE_O1);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  CHECK(base_ != nullptr);
  wake_fd_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  CHECK(wake_fd_);
  // Edge-triggered: every write to the descriptor is an edge, without a read in between.
  CHECK(wake_watch_.start<&nothing>(*this, wake_fd_.get(), IoWatch::Mode::edge, this));
  timer_fd_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  CHECK(timer_fd_);
  CHECK(timer_watch_.start<&clear_armed>(*this, timer_fd_.get(), IoWatch::Mode::edge, &armed_));
}

Poller::~Poller() {
  timer_watch_.stop();
  wake_watch_.stop();
  event_base_free(base_);
}

void Poller::arm(Duration timeout) {
  const TimePoint until = std::chrono::steady_clock::now() + timeout;
  if (armed_ && armed_until_ <= until) return;
  const auto whole = std::chrono::floor<std::chrono::seconds>(timeout);
  const itimerspec in{{}, {whole.count(), (timeout - whole).count()}};
  CHECK(timerfd_settime(timer_fd_.get(), 0, &in, nullptr) == 0);
  armed_ = true;
  armed_until_ = until;
}

void Poller::wait(Duration timeout) {
  if (timeout <= Duration::zero()) {
    event_base_loop(base_, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    return;
  }
  if (timeout != Duration::max()) arm(timeout);
  event_base_loop(base_, EVLOOP_ONCE);
}

void Poller::wake() {
  const uint64_t one = 1;
  while (::write(wake_fd_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

const char* libevent_version() {
  return event_get_version();
}

}  // namespace weir
