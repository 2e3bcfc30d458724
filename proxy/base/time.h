// Durations, points on the monotonic clock, and the clock itself, which tests replace.
#pragma once

#include <chrono>

namespace weir {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::steady_clock::time_point;
using namespace std::chrono_literals;

inline constexpr TimePoint kNever = TimePoint::max();

// Seconds as a double, for metrics and JSON.
inline double seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

// The source of the current time. Thread-safe. Code on a loop uses its EventLoop instead, which
// reads the clock once a turn.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const { return std::chrono::steady_clock::now(); }
};

// Does not advance by itself; for tests.
class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void advance(Duration d) { now_ += d; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

}  // namespace weir
