#include "health/http_answer.h"

#include <algorithm>

#include "base/ascii.h"

namespace weir {

using Is = Probe::Finding::Is;

Probe::Finding HttpAnswer::take_head(const ResponseHead& head) {
  status_ = head.status();
  if (const auto& drain = spec_.drain_on)
    may_drain_ = (drain->status.ranges.empty() || drain->status.contains(status_)) &&
                 (drain->header.empty() || has_drain_field(head));
  if (may_drain_ || spec_.expect_status.contains(status_)) return {};
  return {Is::bad, "status " + std::to_string(status_)};
}

bool HttpAnswer::has_drain_field(const ResponseHead& head) const {
  const std::string_view wanted = spec_.drain_on->header;
  const size_t colon = wanted.find(": ");
  const std::string_view name = wanted.substr(0, colon), value = wanted.substr(colon + 2);
  for (size_t i = 0; i < head.field_count(); ++i)
    if (iequals(head.field_name(i), name) && (value == "*" || head.field_value(i) == value))
      return true;
  return false;
}

bool HttpAnswer::take_body(std::string_view data) {
  data = data.substr(0, kBodyLimit - body_size_);
  body_size_ += data.size();
  const bool searched = !spec_.expect_body.empty() || (may_drain_ && !spec_.drain_on->body.empty());
  if (searched) body_.append(data);
  return body_size_ == kBodyLimit;
}

Probe::Finding HttpAnswer::judge() const {
  const std::string status = "status " + std::to_string(status_);
  if (drains()) return {Is::drain, status};
  if (!spec_.expect_status.contains(status_)) return {Is::bad, status};
  if (body_.find(spec_.expect_body) != body_.npos) return {Is::good, {}};
  return {Is::bad, "no " + in_quotes(spec_.expect_body) + " in the " +
                       (body_size_ == kBodyLimit ? "first 64 KiB of the body" : "body")};
}

}  // namespace weir
