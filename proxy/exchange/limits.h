// limits(): the time limit of the stage an exchange is in, and the answer that follows when it is
// reached. BodyRate: whether a client sends its body too slowly. Pure: times are handed in.
//
// Each stage has one limit; the limit of the whole request and the rate of its body apply besides.
// A limit for a head is a total time: sending it in small pieces gains nothing.
#pragma once

#include "exchange/exchange_stage.h"
#include "routing/route.h"

namespace weir {

// One direction of a relay.
struct RelayFacts {
  bool running = false;
  bool blocked = false;  // its receiver does not take what is there
  TimePoint last_moved{};
};

struct LimitFacts {
  ExchangeStage stage{};
  const config::ListenerTimeouts& timeouts;
  const Route* route = nullptr;          // null before the route stage
  const ClusterSpec* cluster = nullptr;  // null before the route stage
  TimePoint began{};                     // first byte of the request
  TimePoint queued_since{};
  TimePoint pause_until{};
  TimePoint attempt_began{};
  TimePoint upload_since{};  // the client may send the body
  TimePoint answer_moved{};
  TimePoint next_check{};        // of the stage `delivering`
  RelayFacts up{}, down{};       // a tunnel has its times in `down`
  bool awaits_continue = false;  // the client sends the body after a 100
  bool half_closed = false;      // the tunnel
  bool grpc = false;             // a call to a cluster with HTTP/2: it may be silent for hours
  Duration grpc_timeout = Duration::max();
};

// How long a request of this route waits in the queue of the cluster.
const config::Timeout& queue_timeout(const ClusterSpec& cluster, const Route& route);

ExchangeLimit limits(const LimitFacts& facts);
// Of the whole request; a tunnel has none.
ExchangeLimit request_limit(const LimitFacts& facts);

class BodyRate {
 public:
  static constexpr Duration kWindow = 5s;  // the rate is checked this often

  void start(TimePoint now) { since_ = now, from_ = 0; }
  // The window begins anew; bytes that were sent before it do not count in it.
  void restart_window(TimePoint now) { since_ = now; }
  TimePoint next_check() const { return since_ + kWindow; }
  // At next_check(). `sent`: bytes of head and body so far; `least`: bytes per second. A window in
  // which the backend was `blocked` does not count: that is not the client's fault.
  bool too_slow(TimePoint now, uint64_t sent, uint64_t least, bool blocked);
  TimePoint since() const { return since_; }

 private:
  TimePoint since_{};
  uint64_t from_ = 0;
};

}  // namespace weir
