#include "http/h2_patience.h"

#include "base/check.h"

namespace weir {

void H2Patience::start(TimePoint now, unsigned factor) {
  *this = H2Patience();
  restored_ = now;
  factor_ = factor;
  left_ = kMost * factor;
}

void H2Patience::spend(H2ErrorReason kind, unsigned cost, TimePoint now) {
  DCHECK(is_flood(kind));
  restore(now);
  spent_[list_index(kind) - kFirst] += cost;
  left_ -= std::min(left_, cost);
}

void H2Patience::spend_update(TimePoint now) {
  if (free_updates_ > 0)
    --free_updates_;
  else
    spend(H2ErrorReason::flood_other, H2Cost::kOther, now);
}

void H2Patience::earn_data() {
  earn_fields();
  const uint32_t more = kFreeUpdates * factor_;
  free_updates_ = std::min(free_updates_, UINT32_MAX - more) + more;
}

void H2Patience::restore(TimePoint now) {
  if (exhausted()) return;
  const Duration each = Duration(1s) / (kEachSecond * factor_);
  const auto units = (now - restored_) / each;
  if (units >= int64_t(kMost * factor_ - left_)) {
    left_ = kMost * factor_;
    restored_ = now;
    spent_ = {};
    return;
  }
  left_ += unsigned(units);
  restored_ += units * each;
}

H2ErrorReason H2Patience::most() const {
  const auto most = std::max_element(spent_.begin(), spent_.end());
  return H2ErrorReason(kFirst + size_t(most - spent_.begin()));
}

}  // namespace weir
