// When a try has failed: sending the request again where that is safe, and the books of tries.
#include "base/log.h"
#include "exchange/exchange.h"
#include "http/semantics.h"

namespace weir {
namespace {

// RFC 9110 9.2.2: twice is as good as once.
bool is_idempotent(std::string_view method) {
  return is_safe_method(method) || method == "PUT" || method == "DELETE";
}

bool allows(const RetryPolicy& policy, RetryCause cause, std::string_view method) {
  using config::RetryReason;
  switch (cause) {
    case RetryCause::connect_failure: return policy.on(RetryReason::connect_failure);
    case RetryCause::not_sent: return policy.on(RetryReason::unprocessed);
    case RetryCause::reused_connection:
      return policy.on(RetryReason::reused_connection) &&
             (policy.repeats_changes() || is_safe_method(method));
    case RetryCause::reset_before_response: return policy.on(RetryReason::reset_before_response);
    case RetryCause::timeout: return policy.on(RetryReason::timeout);
    case RetryCause::status: return true;  // the caller has asked on_status()
  }
  CHECK_UNREACHABLE();
}

}  // namespace

// Whether the backend may have acted on it, and whether all of it is still here.
bool Exchange::may_try_again(RetryCause cause) {
  if (response_begun_ || interim_bytes_ > 0) return false;
  if (retries_ >= route_->retry.attempts() || tries_ >= kMaxTries) return false;
  const RequestHead& head = request();
  if (!allows(route_->retry, cause, head.method())) return false;
  if (cause == RetryCause::connect_failure) return true;
  // Elsewhere it would be an answer to a user who has not logged in.
  if (cause == RetryCause::status && lease_->is_private()) return false;
  if (head.framing() == BodyFraming::chunked) return false;  // it was decoded where it stands
  if (cause == RetryCause::not_sent) return true;
  return repeatable();
}

// Without harm, and as a whole.
bool Exchange::repeatable() {
  const RequestHead& head = request();
  if (head.framing() == BodyFraming::chunked) return false;
  if (head.framing() == BodyFraming::length && body_known_ < head.content_length()) return false;
  return is_idempotent(head.method());
}

// In a kept connection: a request that would be sent again loses nothing when it has been closed.
Pool::Trust Exchange::trust() {
  const bool again = allows(route_->retry, RetryCause::reused_connection, request().method());
  return again && repeatable() ? Pool::Trust::events : Pool::Trust::ask_kernel;
}

// True: the next try has been arranged. Nothing of the one that failed is left.
bool Exchange::try_again(RetryCause cause) {
  const auto another_address = [&](bool avoided_too) {
    if (cause != RetryCause::connect_failure || tries_ >= kMaxTries) return kNoBackend;
    return cluster_->other_address(place_, http_.pipes().loop.now(),
                                   std::span(tried_).first(tried_count_), avoided_too);
  };
  const auto retry = [&] {
    if (!may_try_again(cause)) return false;
    if (!retrying_ && !cluster_->begin_retrying(route_->retry.budget())) {
      cluster_->cells().retries[RetryResult::budget_exhausted].add();
      return false;
    }
    if (retrying_) cluster_->cells().retries[RetryResult::failed].add();
    retrying_ = true;
    ++retries_;
    cluster_->cells().retry_causes[cause].add();
    return true;
  };
  // The other addresses of a backend come first. Nothing has been sent, so that needs no leave of
  // the route's `retry` and is none of its attempts.
  BackendIndex next = another_address(false);
  if (next == kNoBackend && !retry()) {
    next = another_address(true);
    if (next == kNoBackend) return false;
  }
  // A kept connection that was closed says nothing about its backend, but something about others
  // that were kept as long.
  fresh_ = true;
  const bool kept = cause == RetryCause::not_sent || cause == RetryCause::reused_connection;
  if (!kept && tried_count_ < tried_.size()) tried_[tried_count_++] = place_;
  LOG(debug, "request.retried", kv("session", text(client_side_->session_id())),
      kv("cause", text(cause)), kv("backend", host()->backend->name()), kv("try", tries_));
  books_.try_over(cause);
  end_try();
  place_ = kNoBackend;
  next_ = next;
  expired_ = {};
  watch_client();
  client().set_writer(&client_events_);
  stage_ = Stage::acquire;
  return true;
}

Exchange::Step Exchange::upstream_failed(EndReason reason) {
  const RetryCause cause = up_.sent() == 0    ? RetryCause::not_sent
                           : lease_->reused() ? RetryCause::reused_connection
                                              : RetryCause::reset_before_response;
  // A kept connection that ends before its answer begins may just have been idle for too long.
  if (!lease_->reused() || response_parser_.started())
    cluster_->note_no_response(place_, http_.pipes().loop.now());
  if (!response_parser_.started() && try_again(cause)) return Step::next;
  return reply(502, "the backend closed the connection without an answer", reason);
}

// The connection, or the wait for one, is over for this request, whatever becomes of it.
void Exchange::end_try() {
  leave_queue();
  books_.try_over(failure_);
  stop_relays();
  out_.clear();
  drop_upstream();
}

void Exchange::end_retrying(RetryResult result) {
  if (!retrying_) return;
  cluster_->cells().retries[result].add();
  retrying_ = false;
  cluster_->end_retrying();
}

void Exchange::settle() {
  if (place_ == kNoBackend) return;
  BackendCells& cells = cluster_->cells_of(place_);
  const uint64_t up = tunnel_ ? tunnel_->request.moved() : up_.sent();
  const uint64_t down = heads_received_ + (tunnel_ ? tunnel_->response.moved() : down_.received());
  cells.sent_bytes.add(up - settled_up_);
  cells.received_bytes.add(down - settled_down_);
  settled_up_ = up;
  settled_down_ = down;
}

}  // namespace weir
