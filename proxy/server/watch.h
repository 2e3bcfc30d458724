// Watch: tells when a file of the configuration may have changed: written, replaced by a rename, or
// reached through a symlink that was swapped (as Kubernetes does with a ConfigMap). It watches
// directories, since a replaced file takes its own watch with it. Events within kSettle of each
// other are one, but nothing waits longer than kPatience: other files of the directory may be
// written all the time. Owner: the server; thread: the control loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "event/timer.h"

namespace weir {

class Watch {
 public:
  static constexpr Duration kSettle = 200ms;
  static constexpr Duration kPatience = 2s;
  // With a directory on a mount that hangs: the control loop waits meanwhile.
  static constexpr Duration kMountPatience = 1s;

  Watch(EventLoop& loop, std::function<void()> on_change);
  ~Watch() { watch_.stop(); }

  // The whole set, from now on. A directory that cannot be watched is logged.
  void set(const std::vector<std::string>& directories);

 private:
  static void on_readable(void* owner, Readiness) noexcept;
  EventLoop& loop_;
  std::shared_ptr<const UniqueFd> fd_;  // also of a thread that hangs
  IoWatch watch_;
  Timer settle_;
  TimePoint first_{};  // of the events that settle
  std::map<std::string, int> watched_;
};

}  // namespace weir
