// The simulation's Poller and IoWatch: the same interface as proxy/os/poller.h, over the simulated
// kernel. Readiness is mapped as libevent's epoll backend does it: an error reports readable and
// writable and hides the FIN; every edge reports the whole readiness.
#pragma once

#include <vector>

#include "base/time.h"

namespace weir {

class Poller;

struct Readiness {
  bool readable = false;
  bool writable = false;
  bool closed = false;
};

class IoWatch {
 public:
  enum class Mode : uint8_t { edge, level_read };
  using Callback = void (*)(void* owner, Readiness ready) noexcept;

  IoWatch() = default;
  IoWatch(const IoWatch&) = delete;
  IoWatch& operator=(const IoWatch&) = delete;
  ~IoWatch() { stop(); }

  template <Callback callback>
  [[nodiscard]] bool start(Poller& poller, int fd, Mode mode, void* owner) {
    return start(poller, fd, mode, owner, callback);
  }
  void stop();
  bool active() const { return callback_ != nullptr; }

 private:
  friend class Poller;
  bool start(Poller& poller, int fd, Mode mode, void* owner, Callback callback);
  Poller* poller_ = nullptr;
  int fd_ = -1;
  Mode mode_{};
  Callback callback_ = nullptr;
  void* owner_ = nullptr;
  bool pending_ = false;  // an edge that has not been reported
};

class Poller {
 public:
  Poller() = default;
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Advances virtual time to the next event, at most by `timeout`.
  void wait(Duration timeout);
  void wake() { woken_ = true; }

 private:
  friend class IoWatch;
  struct Ready {
    IoWatch* watch;  // null: stopped since
    Readiness what;
  };
  void mark(IoWatch& watch);
  void collect();
  void dispatch();

  std::vector<IoWatch*> watches_;
  std::vector<IoWatch*> marked_;  // may be ready
  std::vector<Ready> batch_;
  bool woken_ = false;
};

}  // namespace weir
