#include "exchange/exchange_books.h"

#include <utility>

#include "base/check.h"

namespace weir {
namespace {

// What the backend did wrong when a try ended so; none when it was not the backend.
std::optional<BackendError> backend_error(EndReason reason, bool answered) {
  switch (reason) {
    case EndReason::connect_failed:
    case EndReason::connect_timeout: return BackendError::connect;
    case EndReason::backend_closed:
    case EndReason::backend_reset: return answered ? BackendError::truncated : BackendError::reset;
    case EndReason::backend_error: return BackendError::protocol;
    case EndReason::response_timeout:
    case EndReason::request_timeout: return BackendError::timeout;
    case EndReason::client_closed:
    case EndReason::client_reset:
    case EndReason::no_backend:
    case EndReason::idle_timeout:
    case EndReason::half_close_timeout:
    case EndReason::max_age:
    case EndReason::keep_alive_timeout:
    case EndReason::request_header_timeout:
    case EndReason::request_body_timeout:
    case EndReason::client_idle_timeout:
    case EndReason::bad_request:
    case EndReason::queue_full:
    case EndReason::queue_timeout:
    case EndReason::last_request:
    case EndReason::bad_proxy_header:
    case EndReason::proxy_header_timeout:
    case EndReason::tls_handshake_failed:
    case EndReason::tls_handshake_timeout:
    case EndReason::handshake_limit:
    case EndReason::max_connections:
    case EndReason::listener_limit:
    case EndReason::out_of_descriptors:
    case EndReason::drain_idle:
    case EndReason::drain_deadline:
    case EndReason::shutdown:
    case EndReason::error: return std::nullopt;
  }
  CHECK_UNREACHABLE();
}

std::optional<BackendError> backend_error(RetryCause cause) {
  switch (cause) {
    case RetryCause::connect_failure: return BackendError::connect;
    case RetryCause::not_sent:
    case RetryCause::reused_connection:
    case RetryCause::reset_before_response: return BackendError::reset;
    case RetryCause::timeout: return BackendError::timeout;
    case RetryCause::status: return std::nullopt;
  }
  CHECK_UNREACHABLE();
}

}  // namespace

void ExchangeBooks::routed(RouteCells& route) {
  route_ = &route;
  route.in_flight.add();
}

void ExchangeBooks::queued(TimePoint now) {
  if (queued_since_ == TimePoint{}) queued_since_ = now;
}

void ExchangeBooks::leave_queue(TimePoint now) {
  if (queued_since_ == TimePoint{}) return;
  const Duration waited = now - std::exchange(queued_since_, {});
  queued_for_ += waited;
  cluster_->queue_duration.observe(waited);
}

void ExchangeBooks::tried(BackendCells& backend, TimePoint now) {
  leave_queue(now);
  backend_ = &backend;
  try_began_ = now;
  connected_in_.reset();
  backend_status_ = 0;
}

void ExchangeBooks::connected(TimePoint now) {
  connected_in_ = now - try_began_;
  cluster_->connect_duration.observe(*connected_in_);
}

void ExchangeBooks::answered(unsigned status, TimePoint now) {
  backend_status_ = status;
  cluster_->response_time.observe(now - sent_at_);
}

void ExchangeBooks::try_over(RetryCause cause) {
  end_try(backend_error(cause));
}

void ExchangeBooks::try_over(EndReason reason) {
  end_try(backend_error(reason, backend_status_ != 0));
}

void ExchangeBooks::end_try(std::optional<BackendError> error) {
  if (backend_ == nullptr) return;
  BackendCells& backend = *std::exchange(backend_, nullptr);
  backend.requests[code_class(backend_status_)].add();
  if (error) backend.request_errors[*error].add();
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
  leave_queue(now);
  try_over(end.reason);
  if (route_ != nullptr) std::exchange(route_, nullptr)->in_flight.sub();
  route.requests.add(end.method, end.status);
  route.request_bytes.add(end.request_bytes);
  route.response_bytes.add(end.response_bytes);
  if (!end.tunnel) route.duration.observe(end.lasted);
  if (end.reason == EndReason::queue_full) cluster_->queue_rejected[QueueRejection::full].add();
  if (end.reason == EndReason::queue_timeout)
    cluster_->queue_rejected[QueueRejection::timeout].add();
  listener.overhead.observe(own_time_);
}

}  // namespace weir
