// The door to libevent: no other file of weir includes <event2/*.h>. The simulation replaces this
// pair of files.
//
// Poller: one event_base, used by one thread only (NOLOCK). Other threads may call wake() only.
// IoWatch: the registration of one descriptor. Its address does not change. After stop() or its
// destruction there is no further callback, also not for an event that is queued in this turn
// already (trap T2). Its user stops it before closing the descriptor (trap T3).
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
  event event_{};  // no more members: a session has one IoWatch for each of its sockets
};

class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Sleeps until a descriptor is ready, at most for `timeout`, and runs the callbacks of all ready
  // descriptors. Duration::max(): without limit.
  void wait(Duration timeout);
  // Ends the current or the next wait. Any thread.
  void wake();

 private:
  friend class IoWatch;
  void arm(Duration timeout);

  event_base* base_;
  UniqueFd wake_fd_;
  IoWatch wake_watch_;
  // A timer descriptor in place of the timeout of epoll_wait: the kernel sets and cancels a timeout
  // in every wait. The timer is set
  // again only when it would expire later than this wait must end.
  UniqueFd timer_fd_;
  IoWatch timer_watch_;
  TimePoint armed_until_{};
  bool armed_ = false;
};

// Of the library that is loaded.
const char* libevent_version();

}  // namespace weir
