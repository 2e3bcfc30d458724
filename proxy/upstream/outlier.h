// Outlier: how many errors in a row a backend has answered with, and until when it is out for them.
//
// Owner: a Backend; every worker writes to it. The threshold and the share of the cluster that may
// be out are the caller's to look at: Cluster::note_response(). All atomics are relaxed: an error
// more or less in a row that two workers count does no harm. A success costs a load.
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
  // True when the row is `needed` long.
  bool note_error(uint32_t needed);
  // True when it is the first success since it was out.
  bool note_success() {
    // Asks first: the usual success must not make a cache line dirty that all workers read.
    return row_.load(std::memory_order_relaxed) != 0 && end_row();
  }
  // A row that has been dealt with.
  void start_anew() { row_.fetch_and(kWasOut, std::memory_order_relaxed); }

  // Out for base_ejection times the number of ejections, at most for max_ejection, which is also
  // after how long without one they are forgotten. Gives how long. Callers take turns.
  Duration eject(TimePoint now, const config::OutlierDetection& rules);
  bool ejected(TimePoint now) const { return now < ejected_until(); }
  TimePoint ejected_until() const;  // in the past, or the clock's epoch, when it is not out

 private:
  static constexpr uint32_t kWasOut = uint32_t{1} << 31;  // in row_, until a success

  bool end_row();

  std::atomic<uint32_t> row_{0};
  std::atomic<int64_t> until_{0};   // since the clock's epoch, in microseconds
  std::atomic<uint32_t> times_{0};  // ejections that are not forgotten
};

}  // namespace weir
