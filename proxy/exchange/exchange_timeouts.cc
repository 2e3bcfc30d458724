// Time limits of an exchange: the deadline that is set, and what happens when it is reached. Which
// limit applies is in exchange/limits.h.
#include <algorithm>

#include "exchange/exchange.h"

namespace weir {
namespace {

// Streams of a gRPC call may be silent for hours in both directions. gRPC needs HTTP/2 up to the
// backend: to a backend with HTTP/1 such a request is one like any other, whatever it says it is.
bool may_be_silent(const ExchangeGrpc& grpc, const BackendSearch& search) {
  return grpc.call && search.begun() && search.cluster().spec().may_share();
}

}  // namespace

LimitFacts Exchange::limit_facts() const {
  LimitFacts facts{.stage = stage_, .timeouts = request_.listener->timeouts};
  facts.route = request_.route;
  facts.cluster = search_.begun() ? &search_.cluster().spec() : nullptr;
  facts.began = request_.began;
  facts.queued_since = search_.queued_since();
  facts.pause_until = request_.pause_until;
  if (attempt_) facts.attempt_began = attempt_->began();
  facts.upload_since = upload_.since;
  facts.answer_moved = response_.answer_moved;
  facts.next_check = delivery_.last_bytes.next_check();
  facts.up = {up_.running(), up_.blocked(), up_.last_moved()};
  facts.down = {down_.running(), down_.blocked(), down_.last_moved()};
  facts.awaits_continue = client_waits();
  facts.grpc = may_be_silent(request_.grpc, search_);
  facts.grpc_timeout = request_.grpc.timeout;
  if (tunnel_) {
    facts.down.last_moved = tunnel_->last_moved();
    facts.half_closed = tunnel_->half_closed();
  }
  return facts;
}

// The client has not been told to send the body, and has not begun.
bool Exchange::client_waits() const {
  return upload_.awaits_continue && up_.received() == 0;
}

bool Exchange::checks_body_rate() const {
  return up_.running() && !client_waits() && !may_be_silent(request_.grpc, search_) &&
         request_.listener->http->limits.min_body_rate != 0;
}

bool Exchange::uploads_too_slowly(TimePoint now) {
  if (!checks_body_rate() || now < upload_.rate.next_check()) return false;
  return upload_.rate.too_slow(now, up_.sent(), request_.listener->http->limits.min_body_rate,
                               up_.blocked_since(upload_.rate.since()));
}

// The deadline is not moved with each byte: on_deadline() computes the limit again.
void Exchange::arm() {
  const LimitFacts facts = limit_facts();
  TimePoint at = std::min(limits(facts).at, request_limit(facts).at);
  if (checks_body_rate()) at = std::min(at, upload_.rate.next_check());
  http_.pipes().loop.deadlines().set(*this, at);
}

void Exchange::on_deadline() {
  if (stage_ == Stage::delivering) return advance();
  const TimePoint now = http_.pipes().loop.now();
  const LimitFacts facts = limit_facts();
  if (const Limit whole = request_limit(facts); now >= whole.at) return expire(whole);
  if (uploads_too_slowly(now)) return expire({now, 408, EndReason::request_body_timeout});
  const Limit reached = limits(facts);
  if (now < reached.at) return arm();
  if (stage_ == Stage::pause) {
    enter(Stage::acquire);
    return advance();
  }
  expire(reached);
}

void Exchange::expire(const Limit& reached) {
  expired_ = reached;
  if (stage_ == Stage::connect && reached.reason == EndReason::connect_timeout) {
    (void)connect_failed();
    return advance();
  }
  const bool no_response =
      stage_ == Stage::await_response && reached.reason == EndReason::response_timeout;
  // Not when it is the rest of the request that is late.
  if (stage_ == Stage::await_response && reached.status == 504 && (!up_.running() || up_.blocked()))
    attempt_->on_timeout(http_.pipes().loop.now());
  if (no_response && !attempt_->side().response_started() && try_again(RetryCause::timeout))
    return advance();
  if (stage_ == Stage::tunnel) return end_tunnel(reached.reason);
  give_up(reached.status, reached.reason);
}

}  // namespace weir
