// ExchangeBooks: what is counted of one request while it goes: its times, its tries, its route.
//
// Owner: an Exchange; thread: the worker's. Each function is told that something has happened; none
// decides anything. A try begins with tried() and ends once, with try_over(): so a backend's tries
// = its responses + those that came to nothing. References to cells are of the exchange's snapshot,
// which it holds as long as the books are open.
#pragma once

#include <optional>

#include "metrics/cells.h"

namespace weir {

class ExchangeBooks {
 public:
  void routed(RouteCells& route);
  void forwarded(ClusterCells& cluster) { cluster_ = &cluster; }  // before the ones below
  void queued(TimePoint now);
  void tried(BackendCells& backend, TimePoint now);
  void connected(TimePoint now);
  void sent(TimePoint now) { sent_at_ = now; }
  void answered(unsigned status, TimePoint now);
  void wrote_head(size_t bytes) { head_bytes_ += bytes; }  // to the client
  void refused(const char* reason) { refusal_ = reason; }  // a literal
  // Why the try came to its end. Without effect when none is under way.
  void try_over(RetryCause cause);
  void try_over(EndReason reason);
  // In the turn of the loop that began at `turn`, so much time went by until now.
  void worked(TimePoint turn, Duration spent);

  struct End {
    RequestMethod method;
    unsigned status;  // that was answered; 0: none
    bool tunnel;
    EndReason reason;
    Duration lasted;
    uint64_t request_bytes, response_bytes;
  };
  // `route`: where it counts; that of routed(), if there was one.
  void over(ListenerCells& listener, RouteCells& route, const End& end, TimePoint now);

  unsigned backend_status() const { return backend_status_; }  // of the last try; 0: none
  Duration queued_for() const { return queued_for_; }
  std::optional<Duration> connected_in() const { return connected_in_; }
  uint64_t head_bytes() const { return head_bytes_; }
  const char* refusal() const { return refusal_; }  // null: weir has not refused it

 private:
  void leave_queue(TimePoint now);
  void end_try(std::optional<BackendError> error);

  RouteCells* route_ = nullptr;  // in flight there
  ClusterCells* cluster_ = nullptr;
  BackendCells* backend_ = nullptr;  // of the try under way
  TimePoint queued_since_{};
  TimePoint try_began_{};
  TimePoint sent_at_{};
  TimePoint turn_{};
  Duration spent_in_turn_{};
  Duration own_time_{};
  Duration queued_for_{};
  std::optional<Duration> connected_in_;
  uint64_t head_bytes_ = 0;
  const char* refusal_ = nullptr;
  unsigned backend_status_ = 0;
};

}  // namespace weir
