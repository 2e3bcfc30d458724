// Time that runs out. Each stage has one limit; the time of the whole request and the rate of its
// body hold besides. Deadlines for heads are total: sending in drops gains nothing.
#include <algorithm>

#include "exchange/exchange.h"

namespace weir {
namespace {

// How often the rate of a body is looked at.
constexpr Duration kRateWindow = 5s;

}  // namespace

Exchange::Limit Exchange::limit() const {
  Limit limit = stage_limit();
  if (up_.running() && !client_waits() && listener_->http->limits.min_body_rate != 0)
    limit.at = std::min(limit.at, rate_since_ + kRateWindow);
  return limit;
}

// Looked at again when the time comes, not moved with each byte.
Exchange::Limit Exchange::stage_limit() const {
  const config::ListenerTimeouts& timeouts = listener_->timeouts;
  const auto after = [](TimePoint from, const config::Timeout& timeout, unsigned status,
                        EndReason reason) {
    return Limit{timeout.enabled() ? from + timeout.value : kNever, status, reason, &timeout,
                 false};
  };
  const auto of_cluster = [](Limit limit, bool is = true) {
    limit.of_cluster = is;
    return limit;
  };
  switch (stage_) {
    case Stage::read_head:
      return after(began_, timeouts.request_header, 408, EndReason::request_header_timeout);
    case Stage::queued:
      return of_cluster(
          after(queued_since_, cluster_->spec().pool.queue_timeout, 503, EndReason::queue_timeout));
    case Stage::pause: return {.at = pause_until_};
    case Stage::connect:
      return of_cluster(
          after(try_began_, cluster_->spec().connect_timeout, 504, EndReason::connect_timeout));
    case Stage::await_response:
      if (up_.running() && !up_.blocked() && !client_waits())
        return after(std::max(up_.last_moved(), upload_since_), timeouts.request_body, 408,
                     EndReason::request_body_timeout);
      return response_limit();
    case Stage::relay:
      if (down_.blocked())
        return after(down_.last_moved(), timeouts.client_idle, 0, EndReason::client_idle_timeout);
      return of_cluster(
          after(std::max(down_.last_moved(), up_.last_moved()),
                route_->response_idle_timeout(cluster_->spec()), 0, EndReason::response_timeout),
          !route_->response_idle);
    case Stage::answer:
      return after(answer_moved_, timeouts.client_idle, 0, EndReason::client_idle_timeout);
    case Stage::tunnel: {
      const bool half = tunnel_->half_closed() && timeouts.half_close.enabled();
      return half ? after(tunnel_->last_moved(), timeouts.half_close, 0,
                          EndReason::half_close_timeout)
                  : after(tunnel_->last_moved(), timeouts.tunnel_idle, 0, EndReason::idle_timeout);
    }
    case Stage::delivering: return {.at = last_bytes_.next_check()};
    case Stage::idle:
    case Stage::route:
    case Stage::acquire:
    case Stage::send_request:
    case Stage::over: return {};
  }
  CHECK_UNREACHABLE();
}

// For the head of the response, of all tries and of this one.
Exchange::Limit Exchange::response_limit() const {
  const TimePoint from = std::max(up_.last_moved(), try_began_);
  Limit limit{.status = 504, .reason = EndReason::response_timeout};
  const auto hold = [&](const config::Timeout& timeout, bool of_cluster) {
    if (!timeout.enabled() || from + timeout.value >= limit.at) return;
    limit.at = from + timeout.value;
    limit.timeout = &timeout;
    limit.of_cluster = of_cluster;
  };
  hold(route_->response_header_timeout(cluster_->spec()), !route_->response_header);
  hold(route_->retry.per_try_timeout(), false);
  return limit;
}

// For a 100 that the backend has not given yet.
bool Exchange::client_waits() const {
  return awaits_continue_ && up_.received() == 0;
}

// A backend that takes nothing is not the client's fault: such a stretch does not count.
bool Exchange::uploads_too_slowly(TimePoint now) {
  if (!up_.running() || client_waits() || listener_->http->limits.min_body_rate == 0) return false;
  if (now < rate_since_ + kRateWindow) return false;
  const uint64_t wanted =
      listener_->http->limits.min_body_rate * static_cast<uint64_t>(seconds(now - rate_since_));
  const bool slow = up_.sent() - rate_from_ < wanted && !up_.blocked_since(rate_since_);
  rate_since_ = now;
  rate_from_ = up_.sent();
  return slow;
}

void Exchange::arm() {
  TimePoint at = stage_ == Stage::delivering ? last_bytes_.next_check() : limit().at;
  if (stage_ != Stage::delivering && route_ != nullptr && route_->request_timeout.enabled() &&
      !tunnel_)
    at = std::min(at, began_ + route_->request_timeout.value);
  http_.pipes().loop.deadlines().set(*this, at);
}

void Exchange::on_deadline() {
  if (stage_ == Stage::delivering) return advance();
  const TimePoint now = http_.pipes().loop.now();
  if (route_ != nullptr && !tunnel_) {
    const config::Timeout& whole = route_->request_timeout;
    if (whole.enabled() && now >= began_ + whole.value)
      return expire({now, 504, EndReason::request_timeout, &whole, false});
  }
  if (uploads_too_slowly(now)) return expire({now, 408, EndReason::request_body_timeout});
  const Limit reached = stage_limit();
  if (now < reached.at) return arm();
  if (stage_ == Stage::pause) {
    stage_ = Stage::acquire;
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
    cluster_->note_no_response(place_, http_.pipes().loop.now());
  if (no_response && !response_parser_.started() && try_again(RetryCause::timeout))
    return advance();
  if (stage_ == Stage::tunnel) return end_tunnel(reached.reason);
  give_up(reached.status, reached.reason);
}

}  // namespace weir
