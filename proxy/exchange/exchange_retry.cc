// When a try has failed: sending the request again where that is safe, and the books of tries.
#include "base/log.h"
#include "exchange/exchange.h"

namespace weir {

RetryFacts Exchange::retry_facts() {
  const RequestHead& head = request();
  return {.policy = route_->retry,
          .method = head.method(),
          .framing = head.framing(),
          .whole_body_known =
              head.framing() != BodyFraming::length || body_known_ >= head.content_length(),
          .response_begun = response_begun_ || interim_bytes_ > 0,
          .connection_is_private = lease_ != nullptr && lease_->is_private(),
          .tries = tries_,
          .retries = retries_};
}

// True: the next try has been arranged. Nothing of the one that failed is left.
bool Exchange::try_again(RetryCause cause) {
  const auto another_address = [&](bool avoided_too) {
    if (cause != RetryCause::connect_failure || tries_ >= kMaxTries) return kNoBackend;
    return cluster_->other_address(place_, http_.pipes().loop.now(),
                                   std::span(tried_).first(tried_count_), avoided_too);
  };
  const auto begin_retry = [&] {
    if (!retry(cause, retry_facts())) return false;
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
  if (next == kNoBackend && !begin_retry()) {
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
