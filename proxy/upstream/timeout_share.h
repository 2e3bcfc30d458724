// TimeoutShare: whether many of the requests that a worker has sent to a backend of late came to
// nothing by a timeout.
//
// Owner: a Cluster, one for each backend; thread: the worker's. Two windows of a second each, of
// which the first one begins with a timeout: an answer costs an increment. Answers from before that
// timeout are left out, since many timeouts at once after a quiet time are the sign of overload.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace weir {

class TimeoutShare {
 public:
  void note_answer() { ++now_.answers; }
  void note_timeout(TimePoint now) {
    if (const Duration age = now - since_; age >= kWindow) {
      before_ = age < 2 * kWindow ? now_ : Counts{};
      now_ = {};
      since_ = now;
    }
    ++now_.timeouts;
  }
  // There was a timeout within the last second or two, and more than a quarter timed out.
  bool is_high(TimePoint now) const {
    const uint64_t timeouts = uint64_t{now_.timeouts} + before_.timeouts;
    const uint64_t answers = uint64_t{now_.answers} + before_.answers;
    return now - since_ < 2 * kWindow && timeouts > 0 && 3 * timeouts > answers;
  }

 private:
  static constexpr Duration kWindow = std::chrono::seconds(1);
  struct Counts {
    uint32_t answers = 0;
    uint32_t timeouts = 0;
  };

  TimePoint since_{};  // of now_
  Counts now_;
  Counts before_;
};

}  // namespace weir
