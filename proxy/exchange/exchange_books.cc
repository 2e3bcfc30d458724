#include "exchange/exchange_books.h"

#include <utility>

namespace weir {
void ExchangeBooks::routed(RouteCells& route) {
  route_ = &route;
  route.in_flight.add();
}

void ExchangeBooks::queued(TimePoint now) {
  if (queued_since_ == TimePoint{}) queued_since_ = now;
}

void ExchangeBooks::left_queue(TimePoint now) {
  if (queued_since_ == TimePoint{}) return;
  const Duration waited = now - std::exchange(queued_since_, {});
  queued_for_ += waited;
  cluster_->queue_duration.observe(waited);
}

// Told more than once in a turn, the last one knows it all.
void ExchangeBooks::worked(TimePoint turn, Duration spent) {
  if (turn == turn_) own_time_ -= spent_in_turn_;
  turn_ = turn;
  spent_in_turn_ = spent;
  own_time_ += spent;
}

void ExchangeBooks::over(ListenerCells& listener, RouteCells& route, const End& end,
                         TimePoint now) {
  left_queue(now);
  if (route_ != nullptr) std::exchange(route_, nullptr)->in_flight.sub();
  route.requests.add(end.method, end.status);
  route.request_bytes.add(end.request_bytes);
  route.response_bytes.add(end.response_bytes);
  if (!end.tunnel) route.duration.observe(end.lasted);
  if (end.reason == EndReason::queue_full) cluster_->queue_rejected[QueueRejection::full].add();
  if (end.reason == EndReason::cluster_requests)
    cluster_->queue_rejected[QueueRejection::cluster_requests].add();
  if (end.reason == EndReason::queue_timeout)
    cluster_->queue_rejected[QueueRejection::timeout].add();
  listener.overhead.observe(own_time_);
}

}  // namespace weir
