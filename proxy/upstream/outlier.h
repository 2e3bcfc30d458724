// Outlier: the number of errors in a row of a backend, and the end of its ejection.
//
// Owner: a Backend; every worker writes to it. Ejections checks the threshold and
// the share of the cluster that may be ejected. All atomics are relaxed: a row that two workers
// count may be one error longer or shorter. A success costs a load.
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
  // True: the row has `needed` errors.
  bool note_error(uint32_t needed, Error error = Error::response);
  // True: the first success since the backend was ejected.
  bool note_success() {
    // A load first: an ordinary success must not write to a cache line that all workers read.
    return row_.load(std::memory_order_relaxed) != 0 && end_row();
  }
  // Ends a row that did not lead to an ejection.
  void reset_row() { row_.fetch_and(kWasOut, std::memory_order_relaxed); }
  // Removes the timeouts from the row. True: the others still are `needed` errors.
  bool forget_timeouts(uint32_t needed);

  // Ejects the backend for base_ejection times the number of its ejections, at most for
  // max_ejection; returns for how long. After max_ejection without an ejection the number is 0
  // again. Callers serialise the calls.
  Duration eject(TimePoint now, const config::OutlierDetection& rules);
  bool ejected(TimePoint now) const { return now < ejected_until(); }
  TimePoint ejected_until() const;  // in the past, or the clock's epoch, when it is not ejected

 private:
  static constexpr uint32_t kWasOut = uint32_t{1} << 31;  // in row_, until a success
  // row_ has its errors in the low 16 bits, and how many of them are timeouts above these. A row
  // ends at 100 errors, and one more of each request that is under way then.
  static constexpr uint32_t kTimeout = uint32_t{1} << 16;
  static constexpr uint32_t kErrors = kTimeout - 1;

  bool end_row();

  std::atomic<uint32_t> row_{0};
  std::atomic<int64_t> until_{0};   // since the clock's epoch, in microseconds
  std::atomic<uint32_t> times_{0};  // ejections that count
};

}  // namespace weir
