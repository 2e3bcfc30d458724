// The stages of an Exchange, in the order of events, and the limit that holds in one.
#pragma once

#include "config/plain_values.h"
#include "event/deadlines.h"
#include "metrics/worker_metrics.h"

namespace weir {

enum class ExchangeStage : uint8_t {
  idle,
  read_head,
  route,
  acquire,
  queued,
  pause,
  connect,
  send_request,
  await_response,
  relay,
  answer,
  tunnel,
  delivering,
  over,
};

struct ExchangeLimit {
  TimePoint at = kNever;
  unsigned status = 0;  // of the answer, if one can still be given; 0: none
  EndReason reason{};
  const config::Timeout* timeout = nullptr;
};

}  // namespace weir
