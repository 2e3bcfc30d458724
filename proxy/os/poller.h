// The door to libevent: nothing else in weir includes <event2/*.h>. The simulation replaces this
// pair of files.
//
// Poller: one event_base, used by one thread only (NOLOCK). wake() alone may come from any thread.
// IoWatch: one descriptor's registration. It never moves; stop() or destruction means: no further
// callback, also not for an event that is already queued in this turn (trap T2). Stop it before the
// descriptor is closed (trap T3).
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/time.h"
#include "base/unique_fd.h"

struct event_base;

namespace weir {

class Poller;

// What a descriptor is ready for. `closed`: the peer has sent its FIN.
struct Readiness {
  bool readable = false;
  bool writable = false;
  bool closed = false;
};

class IoWatch {
 public:
  enum class Mode : uint8_t {
    edge,        // readable, writable and closed, each reported once when it becomes true
    level_read,  // readable, as long as it lasts
  };
  // noexcept: an exception must not go through the C frames of libevent (trap T11).
  using Callback = void (*)(void* owner, Readiness ready) noexcept;

  IoWatch() = default;
  IoWatch(const IoWatch&) = delete;
  IoWatch& operator=(const IoWatch&) = delete;
  ~IoWatch() { stop(); }

  // `callback(owner, …)` runs on the poller's thread from now on. False: the kernel refused
  // (errno).
  template <Callback callback>
  [[nodiscard]] bool start(Poller& poller, int fd, Mode mode, void* owner) {
    return start(poller, fd, mode, owner, [](int, short what, void* to) noexcept {
      callback(to, {(what & EV_READ) != 0, (what & EV_WRITE) != 0, (what & EV_CLOSED) != 0});
    });
  }
  void stop();
  bool active() const { return event_.ev_base != nullptr; }

 private:
  using Trampoline = void (*)(int fd, short what, void* owner) noexcept;
  bool start(Poller& poller, int fd, Mode mode, void* owner, Trampoline trampoline);
  event event_{};  // all there is: a session has one for each of its sockets
};

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Runs the callbacks of what is ready; sleeps until something is, at most `timeout`.
  // Duration::max(): without limit.
  void wait(Duration timeout);
  // Ends the current or the next wait. Any thread.
  void wake();

 private:
  friend class IoWatch;
  void arm(Duration timeout);

  event_base* base_;
  UniqueFd wake_fd_;
  IoWatch wake_watch_;
  // A descriptor that rings, and no timeout of epoll_wait: that is set and taken back each time the
  // thread sleeps, this only when it would ring too late for the wanted end of the wait.
  UniqueFd timer_fd_;
  IoWatch timer_watch_;
  TimePoint armed_until_{};
  bool armed_ = false;
};

// Of the library this runs with.
const char* libevent_version();

}  // namespace weir
