// ExchangeStage: what an exchange does now or waits for. may_move(): which stage may follow which.
// ExchangeLimit: when a stage times out, and what follows then.
#pragma once

#include "config/plain_values.h"
#include "event/deadlines.h"
#include "metrics/worker_metrics.h"

namespace weir {

// A request goes through the stages in this order; it may leave them early for `answer`,
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
  over,            // the client side has been told
};

// Each stage but `idle` may be left for `over`: the client has gone, or the exchange was abandoned.
constexpr bool may_move(ExchangeStage from, ExchangeStage to) {
  using enum ExchangeStage;
  const auto one_of = [to](auto... stages) { return ((to == stages) || ...); };
  switch (from) {
    case idle: return one_of(read_head);
    case read_head: return one_of(route, answer, over);
    case route: return one_of(acquire, answer, over);
    case acquire: return one_of(queued, pause, connect, send_request, answer, over);
    case queued: return one_of(acquire, answer, over);
    case pause: return one_of(acquire, answer, over);
    case connect: return one_of(send_request, acquire, answer, over);
    case send_request: return one_of(await_response, answer, over);
    case await_response: return one_of(relay, tunnel, acquire, answer, delivering, over);
    case relay: return one_of(delivering, over);
    case answer: return one_of(over);
    case tunnel: return one_of(delivering, over);
    case delivering: return one_of(over);
    case over: return one_of(idle);
  }
  return false;
}

struct ExchangeLimit {
  TimePoint at = kNever;
  unsigned status = 0;  // of the answer, unless a response has begun; 0: no answer is given
  EndReason reason{};
  const config::Timeout* timeout = nullptr;  // the setting; null: a fixed limit or a pause
  bool of_cluster = false;  // the setting is the cluster's; otherwise the listener's or the route's
};

}  // namespace weir
