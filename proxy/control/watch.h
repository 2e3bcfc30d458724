// Watch: reports that a file of the configuration may have changed: it was written, replaced by a
// rename, or a symlink to it was replaced (as Kubernetes does with a ConfigMap). It watches
// directories, because the watch of a file ends when the file is replaced. Events within kSettle of
// each other are one change, but no event waits longer than kPatience: other files of the directory
// may be written all the time. A directory that does not answer is tried again after a while.
// Owner: the server; thread: the control loop's.
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
  // The wait for a directory on a mount that hangs; it blocks the control loop.
  static constexpr Duration kMountPatience = 1s;
  static constexpr Duration kRetry = 10s;

  Watch(EventLoop& loop, std::function<void()> on_change);
  ~Watch();

  // Replaces the set of watched directories. A directory that cannot be watched is logged.
  void set(const std::vector<std::string>& directories);

 private:
  // The result of watching a directory; none: it does not answer.
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
