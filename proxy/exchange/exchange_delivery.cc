// One side of a request or tunnel has ended too early: the other side gets what was received before
// that, and only then are both connections aborted.
#include "exchange/exchange.h"

namespace weir {

Exchange::Step Exchange::over_when_delivered(AfterExchange after, EndReason reason) {
  if (stage_ == Stage::delivering) return Step::wait;
  // Ends with a FIN: the session waits until it has been delivered.
  if (after == AfterExchange::linger) return over(after, reason);
  // The bytes that the two sides still send are discarded: a relay that went on would pass on a
  // body with a hole.
  if (!tunnel_) {
    stop_relays();
    watch_client();
  }
  enter(Stage::delivering);
  delivery_ = {.after = after, .reason = reason};
  delivery_.last_bytes.begin(http_.pipes().loop.now());
  if (tunnel_) {
    tunnel_->request.read_no_more();
    tunnel_->response.read_no_more();
  }
  return deliver();
}

// Bytes that the relays hold are dropped, and the bodies stay incomplete. The bytes they have moved
// stay counted.
void Exchange::stop_relays() {
  settle();
  request_.received += up_.received();
  response_.sent += down_.sent();
  response_.heads_received = 0;
  if (attempt_) attempt_->restart_counts();
  up_.stop();
  down_.stop();
}

Exchange::Step Exchange::deliver() {
  const TimePoint now = http_.pipes().loop.now();
  Pipe* const pipe = tunnel_ ? &*tunnel_ : nullptr;
  const bool connected = attempt_ && attempt_->has_connection();
  const bool arrived = connected
                           ? delivery_.last_bytes.arrived(client(), attempt_->channel(), pipe, now)
                           : delivery_.last_bytes.arrived(client(), now);
  EndReason reason = delivery_.reason;
  if (!arrived) {
    const config::ListenerTimeouts& timeouts = request_.listener->timeouts;
    const bool client = delivery_.last_bytes.for_client();
    const config::Timeout& patience = client                          ? timeouts.client_idle
                                      : timeouts.half_close.enabled() ? timeouts.half_close
                                                                      : timeouts.tunnel_idle;
    if (!patience.enabled() || now < delivery_.last_bytes.last_moved() + patience.value)
      return arm(), Step::wait;
    expired_ = {.timeout = &patience};
    reason = client ? EndReason::client_idle_timeout : EndReason::half_close_timeout;
  }
  if (connected) attempt_->channel().abort();
  return over(delivery_.after, reason);
}

// How the connection ends in the middle of a response. A reset shows best that the response is
// incomplete, but it would also destroy bytes of an earlier response that are on their way. Then a
// FIN ends the connection, if the length or the chunks show that the response is incomplete.
AfterExchange Exchange::after_cut() const {
  if (client().delimits()) return AfterExchange::abort;  // a stream carries no other response
  if (down_.framing() == BodyFraming::until_close || !client_side_->served_before())
    return AfterExchange::abort;
  return client().unacknowledged() > sent_bytes() ? AfterExchange::linger : AfterExchange::abort;
}

}  // namespace weir
