#include "exchange/retry.h"

#include "base/check.h"
#include "http/semantics.h"

namespace weir {
namespace {

bool is_idempotent(std::string_view method) {
  return is_safe_method(method) || method == "PUT" || method == "DELETE";
}

bool allows(const RetryPolicy& policy, RetryCause cause, std::string_view method) {
  using config::RetryReason;
  switch (cause) {
    case RetryCause::connect_failure: return policy.on(RetryReason::connect_failure);
    case RetryCause::not_sent: return policy.on(RetryReason::unprocessed);
    case RetryCause::refused_stream: return policy.on(RetryReason::refused_stream);
    case RetryCause::reused_connection:
      return policy.on(RetryReason::reused_connection) &&
             (policy.repeats_changes() || is_safe_method(method));
    case RetryCause::reset_before_response: return policy.on(RetryReason::reset_before_response);
    case RetryCause::timeout: return policy.on(RetryReason::timeout);
    case RetryCause::status: return true;  // the caller has asked policy.on_status()
  }
  CHECK_UNREACHABLE();
}

// All of it can be sent once more. Chunks were decoded in place, over their own bytes.
bool is_whole(const RetryFacts& facts) {
  const bool chunked = facts.framing == BodyFraming::delimited && !facts.from_stream;
  return !chunked && facts.whole_body_known;
}

}  // namespace

bool is_repeatable(const RetryFacts& facts) {
  return is_whole(facts) && is_idempotent(facts.method);
}

bool may_be_trial(const RetryFacts& facts) {
  return facts.tries == 0 && is_repeatable(facts);
}

bool retry(RetryCause cause, const RetryFacts& facts) {
  if (facts.response_begun) return false;
  if (facts.tries >= kMaxTries) return false;
  if (facts.needs_http1) return is_whole(facts);
  if (facts.failed_trial && !facts.connection_is_private && is_repeatable(facts)) return true;
  if (!facts.new_connection && facts.retries >= facts.policy.attempts()) return false;
  if (!allows(facts.policy, cause, facts.method)) return false;
  if (cause == RetryCause::connect_failure) return true;
  // On another connection the user has not logged in.
  if (cause == RetryCause::status && facts.connection_is_private) return false;
  if (cause == RetryCause::not_sent && !facts.from_stream)
    return facts.framing != BodyFraming::delimited;
  if (cause == RetryCause::not_sent) return is_whole(facts);
  // Proven unprocessed (RFC 9113 8.7): whatever the method is.
  if (cause == RetryCause::refused_stream) return is_whole(facts);
  return is_repeatable(facts);
}

// A request that would be sent again loses nothing if the backend has closed the connection.
Pool::Trust trust(const RetryFacts& facts) {
  const bool again =
      allows(facts.policy, RetryCause::reused_connection, facts.method) && is_repeatable(facts);
  return again ? Pool::Trust::events : Pool::Trust::ask_kernel;
}

}  // namespace weir
