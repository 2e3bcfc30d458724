// Outlier: the number of errors in a row of a backend, its ejection, and what ends the ejection: a
// length of time, a proof that the backend answers again, and a trial.
//
//   up --eject()--> out --length over and confirm()--> begin_trial() --> up, or out for longer
//
// Owner: a Backend; every worker and the control thread write to it. Ejections checks the
// threshold and the share of the cluster that may be ejected, and serialises eject(). The state is
// one word: only one of several workers begins a trial, and only that one ends it. The row is
// relaxed: one that two workers count may be an error longer or shorter. A success costs a load.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/time.h"
#include "config/http_model.h"

namespace weir {

// Statuses that a backend answers in place of a server behind it.
inline constexpr std::array kGatewayErrors{502u, 503u, 504u};

class Outlier {
 public:
  enum class Error : uint8_t { response, timeout };
  enum class Trial : uint8_t {
    passed,
    failed,
    withdrawn,  // it shows nothing: the client has gone
  };
  // A trial waits so long for a request that can be sent again; then any request is one.
  static constexpr Duration kPatience = std::chrono::seconds(1);
  // A failed trial doubles the length of the ejection up to this, unless it is longer already.
  static constexpr Duration kLongestByTrials = std::chrono::seconds(5);

  // Returns how many errors the row has now.
  uint32_t note_error(Error error);
  void note_success() {
    // A load first: an ordinary success must not write to a cache line that all workers read.
    if (row_.load(std::memory_order_relaxed) != 0) reset_row();
  }
  void reset_row() { row_.store(0, std::memory_order_relaxed); }
  // Removes the timeouts from the row, and returns how many errors are left.
  uint32_t forget_timeouts();

  // Ejects the backend, at least for the returned time: base_ejection, or twice the last length, up
  // to max_ejection, if it has been up again for less than ten times that length (or 10 s).
  Duration eject(TimePoint now, const config::OutlierDetection& rules);
  // It gets no requests, a trial excepted.
  bool ejected() const { return phase(state_.load(std::memory_order_relaxed)) != Phase::up; }
  TimePoint ejected_until() const;                        // at the earliest, while it is ejected
  TimePoint up_since() const { return ejected_until(); }  // while it is not ejected

  // Ejected, and no check or connect has passed since.
  bool awaits_proof() const;
  // A check or connect that was begun at `begun` has passed.
  void confirm(TimePoint begun, TimePoint now);
  // The next request may be the trial. `repeatable`: it can be sent to another backend if it fails.
  bool awaits_trial(TimePoint now, bool repeatable) const;
  // True: the request that calls is the trial, and ends it by end_trial().
  bool begin_trial(TimePoint now);
  // Returns the length of the ejection if the trial has failed, else zero.
  Duration end_trial(Trial how, TimePoint now, const config::OutlierDetection& rules);

 private:
  enum class Phase : uint8_t { up, out, trial };
  // state_: the phase, whether it is confirmed, and a time in microseconds: the end of the length;
  // when up, since when.
  static constexpr uint64_t kPhase = 3, kConfirmed = 4;
  static constexpr int kTimeShift = 3;
  // row_ has its errors in the low 16 bits, and how many of them are timeouts above these. A row
  // ends at 100 errors, and one more of each request that is under way then.
  static constexpr uint32_t kTimeout = uint32_t{1} << 16;
  static constexpr uint32_t kErrors = kTimeout - 1;

  static Phase phase(uint64_t word) { return static_cast<Phase>(word & kPhase); }
  static TimePoint time(uint64_t word);
  static uint64_t state(Phase phase, TimePoint time);
  Duration begin_length(Duration length, TimePoint now);

  std::atomic<uint32_t> row_{0};
  std::atomic<uint64_t> state_{0};
  std::atomic<int64_t> since_{0};   // the ejection, in microseconds; written before state_
  std::atomic<int64_t> length_{0};  // of the last ejection, in microseconds
};

}  // namespace weir
