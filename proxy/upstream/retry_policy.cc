#include "upstream/retry_policy.h"

#include <algorithm>
#include <charconv>

#include "upstream/outlier.h"

namespace weir {

using config::RetryReason;

RetryPolicy::RetryPolicy(const config::Retry& retry)
    : attempts_(retry.attempts),
      per_try_timeout_(retry.per_try_timeout),
      budget_(retry.budget),
      backoff_(retry.backoff) {
  static constexpr std::pair<std::string_view, RetryReason> kNames[] = {
#define RETRY_REASON(name, help) {#name, RetryReason::name},
#include "config/retry_reasons.def"
#undef RETRY_REASON
  };
  static_assert(std::size(kNames) <= kReasons);
  if (attempts_ == 0) return;
  add(RetryReason::unprocessed);
  const auto listed = [&](const char* word) {
    return std::find(retry.on.begin(), retry.on.end(), word) != retry.on.end();
  };
  if (!listed("unprocessed")) add(RetryReason::safe);
  for (const std::string& text : retry.on) {
    for (const auto& [name, reason] : kNames)
      if (name == text) add(reason);
    size_t status = kStatuses;
    std::from_chars(text.data(), text.data() + text.size(), status);
    if (status < kStatuses) statuses_.set(status);
  }
}

void RetryPolicy::add(RetryReason reason) {
  reasons_.set(static_cast<size_t>(reason));
  if (reason == RetryReason::unprocessed) {
    add(RetryReason::connect_failure);
    add(RetryReason::refused_stream);
  }
  if (reason == RetryReason::safe)
    reasons_.set(static_cast<size_t>(RetryReason::reused_connection));
  if (reason == RetryReason::reused_connection) repeats_changes_ = true;
  if (reason == RetryReason::reset_before_response) add(RetryReason::reused_connection);
  if (reason == RetryReason::gateway_error)
    for (const unsigned status : kGatewayErrors) statuses_.set(status);
}

Duration RetryPolicy::pause(uint32_t retry) const {
  Duration bound = backoff_.base;
  for (; retry > 1 && bound < backoff_.max; --retry) bound *= 2;
  return std::min(bound, backoff_.max);
}

}  // namespace weir
