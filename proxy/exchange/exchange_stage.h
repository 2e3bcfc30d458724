// ExchangeStage: what an Exchange does now or waits for. ExchangeLimit: when a stage times out, and
// what follows then.
#pragma once

#include "config/plain_values.h"
#include "event/deadlines.h"
#include "metrics/worker_metrics.h"

namespace weir {

// A request goes through the stages in this order; it may leave any of them for `answer`,
// `delivering` or `over`, and a retry goes back to `acquire`.
enum class ExchangeStage : uint8_t {
  idle,       // not lent
  read_head,  // of the request
  route,
  acquire,  // chooses a backend, and a kept connection to it
  queued,   // all backends are full
  pause,    // before a retry
  connect,
  send_request,
  await_response,  // its head; the body of the request may still be sent
  relay,           // the body of the response
  answer,          // sends a response of weir's own
  tunnel,          // after 101, or 2xx to CONNECT
  delivering,      // one side has failed: sends the other what was received before
  over,            // the owner has been told
};

struct ExchangeLimit {
  TimePoint at = kNever;
  unsigned status = 0;  // of the answer, unless a response has begun; 0: no answer is given
  EndReason reason{};
  const config::Timeout* timeout = nullptr;  // the setting; null: a fixed limit or a pause
  bool of_cluster = false;  // the setting is the cluster's; otherwise the listener's or the route's
};

}  // namespace weir
