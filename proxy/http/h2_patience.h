// H2Patience: how much more work a peer may cause before it has taken answers. Every frame that
// costs work and brings none forward costs patience; time and the answers that weir sends restore
// it. A peer that takes its answers never runs out: Rapid Reset (CVE-2023-44487), MadeYouReset
// (CVE-2025-8671) and the floods of CVE-2019-9512 to -9518 do.
//
// Owner: an H2Connection. Pure; the times are handed in and do not decrease.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/outcomes.h"
#include "base/time.h"

namespace weir {

// What a frame of the peer costs.
struct H2Cost {
  static constexpr unsigned kReset = 2;      // RST_STREAM before the end of the answer
  static constexpr unsigned kProvoked = 10;  // a fault for which weir sends RST_STREAM
  static constexpr unsigned kRefused = 2;    // a stream above the limit
  static constexpr unsigned kEmptyContinuation = 10;
  static constexpr unsigned kPing = 1;
  static constexpr unsigned kSettings = 5;
  static constexpr unsigned kEmptyData = 1;
  static constexpr unsigned kOther = 1;  // what weir ignores
};

class H2Patience {
 public:
  static constexpr unsigned kMost = 1000;  // and at the start
  static constexpr unsigned kEachSecond = 50;
  static constexpr unsigned kEachAnswer = 2;    // HEADERS or DATA that weir sent
  static constexpr unsigned kFreeUpdates = 10;  // WINDOW_UPDATEs for each DATA that weir sent

  // All amounts but the costs are multiplied by `factor`.
  void start(TimePoint now, unsigned factor);
  void spend(H2ErrorReason kind, unsigned cost, TimePoint now);
  void spend_update(TimePoint now);  // a WINDOW_UPDATE
  void earn_fields() { left_ = std::min(left_ + kEachAnswer * factor_, kMost * factor_); }
  void earn_data();

  bool exhausted() const { return left_ == 0; }
  unsigned left() const { return left_; }
  // What has taken most since patience was last whole.
  H2ErrorReason most() const;

 private:
  static constexpr size_t kFirst = list_index(H2ErrorReason::flood_reset);

  void restore(TimePoint now);

  TimePoint restored_{};
  unsigned factor_ = 1;
  unsigned left_ = kMost;
  uint32_t free_updates_ = 0;
  std::array<uint32_t, kListSize<H2ErrorReason> - kFirst> spent_{};
};

}  // namespace weir
