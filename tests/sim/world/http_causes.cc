#include "world/http_causes.h"

#include <algorithm>

#include "session/session.h"

namespace weir::sim {

bool HttpCauses::failed_at_backend(const Request& request) const {
  const auto& answers = ledger_.answers();
  return std::any_of(answers.begin(), answers.end(), [&](const auto& answer) {
    return answer->request == request.number &&
           (answer->cut || answer->frail || answer->fault != Answer::Fault::none);
  });
}

bool HttpCauses::lasted(const RequestLine& line, const config::Timeout& timeout) const {
  constexpr double kRounding = 0.001;
  return timeout.enabled() && line.duration + kRounding >= seconds(timeout.value);
}

bool HttpCauses::can_be_true(const Request& request, const RequestLine& line) const {
  const Scenario& scenario = evidence_.scenario;
  if (scenario.polite) return false;
  // An answer of weir's own, whose line has the reason of the answer, waits for a window.
  if (request.stops && lasted(line, scenario.timeouts.client_idle)) return true;
  // The response was sent, and may be lost with its connection, which ends for another reason. A
  // cut of the response after it that ends with the connection is shown by a reset only.
  if (!line.reason) return request.before_old || (request.stops && !request.by_stream);
  switch (*line.reason) {
    case EndReason::backend_closed:
    case EndReason::backend_reset:
    case EndReason::backend_error: return failed_at_backend(request);
    // The response had begun before the body became too large.
    case EndReason::bad_request:
      return scenario.limits.max_body_size != 0 && request.body > scenario.limits.max_body_size;
    case EndReason::response_timeout: return lasted(line, scenario.response_idle);
    case EndReason::request_timeout: return lasted(line, scenario.request);
    case EndReason::client_idle_timeout: return lasted(line, scenario.timeouts.client_idle);
    // The reasons of a connection, for all its streams.
    case EndReason::request_header_timeout: return request.stops;
    case EndReason::http2_flood: return request.calmed;
    case EndReason::drain_deadline:
    case EndReason::shutdown: return evidence_.control.drained();
    default: return false;
  }
}

bool HttpCauses::may_end_silently(const HttpClient::LastAsked& last, bool clean) const {
  if (last.announced) return true;
  constexpr Duration kCrossing = 500ms;  // a request and weir's close cross each other
  constexpr Duration kTravel = 15ms;     // from a write to the read of the other side
  const Scenario& scenario = evidence_.scenario;
  const config::ListenerTimeouts& timeouts = scenario.timeouts;
  const auto reached = [&](Duration lasted, const config::Timeout& timeout) {
    return timeout.enabled() && lasted + kCrossing >= timeout.value;
  };
  if (evidence_.control.drained()) {
    // A drain closes connections that have been silent for a while, and connections after a
    // response whose head was already sent.
    const Duration drained_for = last.at - evidence_.control.drain_began();
    if (drained_for >= scenario.drain_timeout) return true;
    if (drained_for >= 0ns && last.silence + kCrossing >= Session::kSilence) return true;
    const Duration before = drained_for - last.waited - last.silence;  // that head came
    if (drained_for >= 0ns && before <= kTravel) return true;
  }
  if (scenario.polite) return false;
  if (reached(last.connected, timeouts.max_age) || reached(last.silence, timeouts.keep_alive) ||
      reached(last.silence, timeouts.request_header))
    return true;
  if (clean) return false;
  const KernelCounts& counts = evidence_.kernel.counts();
  return scenario.max_connections < 1000 || scenario.listener_limit > 0 ||
         scenario.max_handshakes > 0 || counts.out_of_descriptors > 0 ||
         counts.refused_watches > 0 || scenario.conditions.dead_accepts > 0 || scenario.reloads > 0;
}

}  // namespace weir::sim
