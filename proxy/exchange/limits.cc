#include "exchange/limits.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir {
namespace {

ExchangeLimit after(TimePoint from, const config::Timeout& timeout, unsigned status,
                    EndReason reason) {
  return {timeout.enabled() ? from + timeout.value : kNever, status, reason, &timeout, false};
}

ExchangeLimit of_cluster(ExchangeLimit limit) {
  limit.of_cluster = true;
  return limit;
}

// The head of the response: the limit for all tries, and the limit for each try.
ExchangeLimit response_limit(const LimitFacts& facts) {
  const TimePoint from = std::max(facts.up.last_moved, facts.attempt_began);
  const Route& route = *facts.route;
  ExchangeLimit limit =
      after(from, route.response_header_timeout(*facts.cluster), 504, EndReason::response_timeout);
  limit.of_cluster = !route.response_header;
  if (facts.grpc && limit.of_cluster) limit = {};
  const ExchangeLimit per_try =
      after(from, route.retry.per_try_timeout(), 504, EndReason::response_timeout);
  return per_try.at < limit.at ? per_try : limit;
}

ExchangeLimit relay_limit(const LimitFacts& facts) {
  if (facts.down.blocked)
    return after(facts.down.last_moved, facts.timeouts.client_idle, 0,
                 EndReason::client_idle_timeout);
  ExchangeLimit limit =
      after(std::max(facts.down.last_moved, facts.up.last_moved),
            facts.route->response_idle_timeout(*facts.cluster), 0, EndReason::response_timeout);
  limit.of_cluster = !facts.route->response_idle;
  return facts.grpc && limit.of_cluster ? ExchangeLimit{} : limit;
}

ExchangeLimit tunnel_limit(const LimitFacts& facts) {
  if (facts.half_closed && facts.timeouts.half_close.enabled())
    return after(facts.down.last_moved, facts.timeouts.half_close, 0,
                 EndReason::half_close_timeout);
  return after(facts.down.last_moved, facts.timeouts.tunnel_idle, 0, EndReason::idle_timeout);
}

}  // namespace

// Longer than a backend may take it waits in vain: others would have its place.
const config::Timeout& queue_timeout(const ClusterSpec& cluster, const Route& route) {
  if (cluster.queue.timeout) return *cluster.queue.timeout;
  static const config::Timeout kLongest{10s, {}};
  const config::Timeout* least = &kLongest;
  for (const config::Timeout* other :
       {&route.response_header_timeout(cluster), &route.retry.per_try_timeout()})
    if (other->enabled() && other->value < least->value) least = other;
  return *least;
}

ExchangeLimit limits(const LimitFacts& facts) {
  switch (facts.stage) {
    case ExchangeStage::read_head:
      return after(facts.began, facts.timeouts.request_header, 408,
                   EndReason::request_header_timeout);
    case ExchangeStage::queued:
      return of_cluster(after(facts.queued_since, queue_timeout(*facts.cluster, *facts.route), 503,
                              EndReason::queue_timeout));
    case ExchangeStage::pause: return {.at = facts.pause_until};
    case ExchangeStage::connect:
      return of_cluster(after(facts.attempt_began, facts.cluster->connect_timeout, 504,
                              EndReason::connect_timeout));
    case ExchangeStage::await_response:
      if (facts.up.running && !facts.up.blocked && !facts.awaits_continue && !facts.grpc)
        return after(std::max(facts.up.last_moved, facts.upload_since), facts.timeouts.request_body,
                     408, EndReason::request_body_timeout);
      return response_limit(facts);
    case ExchangeStage::relay: return relay_limit(facts);
    case ExchangeStage::answer:
      return after(facts.answer_moved, facts.timeouts.client_idle, 0,
                   EndReason::client_idle_timeout);
    case ExchangeStage::tunnel: return tunnel_limit(facts);
    case ExchangeStage::delivering: return {.at = facts.next_check};
    case ExchangeStage::idle:
    case ExchangeStage::route:
    case ExchangeStage::acquire:
    case ExchangeStage::send_request:
    case ExchangeStage::over: return {};
  }
  CHECK_UNREACHABLE();
}

ExchangeLimit request_limit(const LimitFacts& facts) {
  const bool bounded = facts.route != nullptr && facts.stage != ExchangeStage::tunnel &&
                       facts.stage != ExchangeStage::delivering;
  if (!bounded) return {};
  const ExchangeLimit limit =
      after(facts.began, facts.route->request_timeout, 504, EndReason::request_timeout);
  if (facts.grpc_timeout == Duration::max() || facts.began + facts.grpc_timeout >= limit.at)
    return limit;
  return {
      .at = facts.began + facts.grpc_timeout, .status = 504, .reason = EndReason::request_timeout};
}

bool BodyRate::too_slow(TimePoint now, uint64_t sent, uint64_t least, bool blocked) {
  const auto window = static_cast<uint64_t>(seconds(now - std::exchange(since_, now)));
  return sent - std::exchange(from_, sent) < least * window && !blocked;
}

}  // namespace weir
