// Tally: how the requests to one backend came out during the last ten seconds, in steps of a
// quarter of a second.
//
// Owner: the Ejections of a worker's cluster, which make it when the backend is first used; thread:
// the worker's. note() costs two increments. A span is as long as said, or up to a step shorter.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/time.h"

namespace weir {

class Tally {
 public:
  enum class Outcome : uint8_t { success, failure, timeout };
  struct Counts {
    uint64_t requests = 0;
    uint64_t failures = 0;  // without timeouts
    uint64_t timeouts = 0;
    uint64_t counted_timeouts = 0;  // without those that are excused
  };
  static constexpr Duration kStep = std::chrono::milliseconds(250);
  static constexpr Duration kLongest = std::chrono::seconds(10);

  void note(Outcome outcome, TimePoint now) {
    advance(number(now));
    Step& step = steps_[index(last_)];
    ++step.requests;
    if (outcome == Outcome::failure) ++step.failures;
    if (outcome == Outcome::timeout) ++step.timeouts;
  }
  // The timeouts until now are the fault of too much work: they are no longer counted.
  void excuse_timeouts(TimePoint now) { excused_ = number(now); }
  // Of the steps that began less than `span` ago. Nothing before `since`.
  Counts over(Duration span, TimePoint now, TimePoint since = TimePoint::min()) const {
    Counts sum;
    const int64_t end = number(now);
    int64_t first = end - span / kStep + 1;
    if (since != TimePoint::min()) first = std::max(first, number(since) + 1);
    for (int64_t at = std::max(first, last_ - kSteps + 1); at <= std::min(end, last_); ++at) {
      const Step& step = steps_[index(at)];
      sum.requests += step.requests;
      sum.failures += step.failures;
      sum.timeouts += step.timeouts;
      if (at > excused_) sum.counted_timeouts += step.timeouts;
    }
    return sum;
  }

 private:
  struct Step {
    uint32_t requests = 0, failures = 0, timeouts = 0;
  };
  static constexpr int64_t kSteps = kLongest / kStep;

  static int64_t number(TimePoint at) { return at.time_since_epoch() / kStep; }
  static size_t index(int64_t number) { return static_cast<size_t>(number % kSteps); }
  void advance(int64_t number) {
    if (number == last_) return;
    const int64_t stale = std::min(number - last_, kSteps);
    for (int64_t at = number - stale + 1; at <= number; ++at) steps_[index(at)] = {};
    last_ = number;
  }

  std::array<Step, kSteps> steps_{};
  int64_t last_ = 0;     // the number of the newest step
  int64_t excused_ = 0;  // of the last step whose timeouts are excused
};

}  // namespace weir
