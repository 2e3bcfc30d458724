#include "exchange/attempt.h"

#include <utility>

#include "upstream/connecting.h"

namespace weir {
namespace {

// What the backend did wrong when an attempt ended for this reason; none when it was not at fault.
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
    case EndReason::http2_error:
    case EndReason::http2_flood:
    case EndReason::queue_full:
    case EndReason::queue_timeout:
    case EndReason::cluster_requests:
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
    case RetryCause::refused_stream: return std::nullopt;  // routine: it counts as such
    case RetryCause::not_sent:
    case RetryCause::reused_connection:
    case RetryCause::reset_before_response: return BackendError::reset;
    case RetryCause::timeout: return BackendError::timeout;
    case RetryCause::status: return std::nullopt;
  }
  CHECK_UNREACHABLE();
}

}  // namespace

Attempt::Attempt(BackendSide& side, Cluster& cluster, BackendIndex backend, Claim claim,
                 TimePoint now)
    : side_(side),
      cluster_(cluster),
      backend_(backend),
      cells_(cluster.cells_of(backend)),
      began_(now),
      reservation_(std::move(claim.reservation)),
      trial_(claim.trial) {
  cluster_.begin_use(backend_);
  side_.begin(cluster_, backend_, std::move(claim));
}

void Attempt::on_connected(TimePoint now) {
  if (side_.shares_connection()) return;
  connected_in_ = now - began_;
  cluster_.cells().connect_duration.observe(*connected_in_);
  record_connect_success(cluster_, backend_);
}

void Attempt::on_response(unsigned status, TimePoint now) {
  status_ = status;
  cluster_.cells().response_time.observe(now - sent_at_);
  Ejections& ejections = cluster_.ejections();
  if (std::exchange(trial_, false)) {
    judged_ = failed_trial_ = !ejections.end_trial(backend_, status, now);
  } else if (ejections.is_failure(backend_, status, now)) {
    judged_ = true;
    ejections.note_failure(backend_, now);
  }
}

void Attempt::on_over(bool failed, TimePoint now) {
  if (std::exchange(judged_, true)) return;
  if (failed && end_trial(Outlier::Trial::failed, now)) return;
  Ejections& ejections = cluster_.ejections();
  failed ? ejections.note_failure(backend_, now) : ejections.note_success(backend_, now);
}

void Attempt::on_timeout(TimePoint now) {
  if (!std::exchange(judged_, true) && !end_trial(Outlier::Trial::failed, now))
    cluster_.ejections().note_timeout(backend_, now);
}

// False: it was no trial.
bool Attempt::end_trial(Outlier::Trial how, TimePoint now) {
  if (!std::exchange(trial_, false)) return false;
  failed_trial_ = how == Outlier::Trial::failed;
  cluster_.ejections().end_trial(backend_, how, now);
  return true;
}

void Attempt::settle(uint64_t sent, uint64_t received) {
  cells_.sent_bytes.add(sent - std::exchange(settled_sent_, sent));
  cells_.received_bytes.add(received - std::exchange(settled_received_, received));
}

void Attempt::end(RetryCause failed) {
  count(backend_error(failed));
}

void Attempt::end(std::optional<EndReason> failed) {
  count(failed ? backend_error(*failed, status_ != 0) : std::nullopt);
}

void Attempt::count(std::optional<BackendError> error) {
  if (std::exchange(counted_, true)) return;
  cells_.requests[code_class(status_)].add();
  if (error) cells_.request_errors[*error].add();
}

void Attempt::give_back(PrivateConnections* own) {
  end_trial(Outlier::Trial::withdrawn);
  connected_ = false;
  side_.over(ConnectionUse::complete, own);
  cluster_.end_use(backend_, reservation_);
}

void Attempt::drop(bool answered) {
  end_trial(Outlier::Trial::withdrawn);
  if (!std::exchange(connected_, false)) return;
  side_.over(answered ? ConnectionUse::answered : ConnectionUse::given_up, nullptr);
  cluster_.end_use(backend_, reservation_);
}

}  // namespace weir
