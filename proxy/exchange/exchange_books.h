// ExchangeBooks: what is counted of one request while it goes: its times and its route. What is
// counted of each attempt is in Attempt.
//
// Owner: an Exchange; thread: the worker's. Each function is told that something has happened; none
// decides anything. References to cells are of the exchange's snapshot, which it holds as long as
// the books are open.
#pragma once

#include <optional>

#include "metrics/cells.h"

namespace weir {

class ExchangeBooks {
 public:
  void routed(RouteCells& route);
  void forwarded(ClusterCells& cluster) { cluster_ = &cluster; }  // before the ones below
  void queued(TimePoint now);
  void left_queue(TimePoint now);
  void wrote_head(size_t bytes) { head_bytes_ += bytes; }  // to the client
  void refused(const char* reason) { refusal_ = reason; }  // a literal
  // In the turn of the loop that began at `turn`, so much time went by until now.
  void worked(TimePoint turn, Duration spent);

  struct End {
    RequestMethod method;
    unsigned status;  // that was answered; 0: none
    bool tunnel;
    std::optional<EndReason> reason;  // none: it ended in order
    Duration lasted;
    uint64_t request_bytes, response_bytes;
  };
  // `route`: where it counts; that of routed(), if there was one.
  void over(ListenerCells& listener, RouteCells& route, const End& end, TimePoint now);

  Duration queued_for() const { return queued_for_; }
  uint64_t head_bytes() const { return head_bytes_; }
  const char* refusal() const { return refusal_; }  // null: weir has not refused it

 private:
  RouteCells* route_ = nullptr;  // in flight there
  ClusterCells* cluster_ = nullptr;
  TimePoint queued_since_{};
  TimePoint turn_{};
  Duration spent_in_turn_{};
  Duration own_time_{};
  Duration queued_for_{};
  uint64_t head_bytes_ = 0;
  const char* refusal_ = nullptr;
};

}  // namespace weir
