// Watch: tells when a file of the configuration may have changed: written, replaced by a rename, or
// reached through a symlink that was swapped (as Kubernetes does with a ConfigMap). It watches
// directories, since a replaced file takes its own watch with it. Events within kSettle of each
// other are one, but nothing waits longer than kPatience: other files of the directory may be
// written all the time. A directory that does not answer is asked again now and then. Owner: the
// server; thread: the control loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "event/timer.h"

namespace weir {

class FileReader;

class Watch {
 public:
  static constexpr Duration kSettle = 200ms;
  static constexpr Duration kPatience = 2s;
  // With a directory on a mount that hangs: the control loop waits meanwhile.
  static constexpr Duration kMountPatience = 1s;
  static constexpr Duration kRetry = 10s;

  Watch(EventLoop& loop, std::function<void()> on_change);
  ~Watch();

  // The whole set, from now on. A directory that cannot be watched is logged.
  void set(const std::vector<std::string>& directories);

 private:
  // What became of watching a directory; none: it does not answer.
  struct Added {
    int id;
    int error;
  };

  static void on_readable(void* owner, Readiness) noexcept;
  std::optional<Added> add(const std::string& directory);
  void release(int id);
  void index();
  void retry();
  void note_change();

  EventLoop& loop_;
  std::shared_ptr<const UniqueFd> fd_;  // also of a thread that hangs
  IoWatch watch_;
  Timer settle_;
  Timer retry_;
  std::unique_ptr<FileReader> reader_;  // of one round
  TimePoint first_{};                   // of the events that settle
  std::map<std::string, int> watched_;
  std::set<int> ids_;                // of watched_
  std::vector<std::string> silent_;  // directories that did not answer
};

}  // namespace weir
