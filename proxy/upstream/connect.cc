#include "upstream/connect.h"

#include <utility>

#include "preamble/proxy_header.h"

namespace weir {

// Only before the TLS handshake: later calls would ignore the header.
Transport::Connecting Connect::continue_attempt() {
  std::array<char, kMaxWrittenProxyHeader> memory;
  std::string_view proxy_header;
  if (transport_.tls() == nullptr) proxy_header = observer_.write_proxy_header(memory);
  const ClusterSpec& spec = cluster_->spec();
  return continue_connecting(transport_, spec, spec.hosts[backend_], proxy_header);
}

Connect::State Connect::start(Cluster& cluster, uint64_t client_hash) {
  cluster_ = &cluster;
  client_hash_ = client_hash;
  transport_.set_writer(this);
  return try_next();
}

// A loop, because connect(2) may fail at once.
Connect::State Connect::try_next() {
  while (attempts_ < kMaxAttempts) {
    backend_ = next_backend();
    if (backend_ == kNoBackend) break;
    tried_[attempts_++] = backend_;
    if (attempt() != State::failed) return state_;
  }
  if (attempts_ == 0) cluster_->cells().no_backend.add();
  transport_.set_writer(nullptr);
  return state_ = State::failed;
}

BackendIndex Connect::next_backend() {
  const TimePoint now = loop_.now();
  const std::span<const BackendIndex> tried = std::span(tried_).first(attempts_);
  const BackendIndex other =
      tried.empty() ? kNoBackend : cluster_->other_address(tried.back(), now, tried);
  if (other != kNoBackend) return other;
  const BackendIndex next = backends_++ < cluster_->spec().connect_attempts
                                ? cluster_->pick(now, client_hash_, tried)
                                : kNoBackend;
  if (next != kNoBackend || tried.empty()) return next;
  return cluster_->other_address(tried.back(), now, tried, /*avoided_too=*/true);
}

Connect::State Connect::attempt() {
  const HostSpec& host = cluster_->spec().hosts[backend_];
  cells()->connects.add();
  cells()->active.add();
  ++cluster_->load(backend_);
  began_ = loop_.now();
  switch (begin_connecting(loop_, transport_, cluster_->spec(), host)) {
    case Transport::Connecting::pending: return state_ = State::connecting;
    case Transport::Connecting::done:
      switch (continue_attempt()) {
        case Transport::Connecting::pending:
          transport_.set_reader(this);
          return state_ = State::connecting;
        case Transport::Connecting::done: succeed(); return state_;
        case Transport::Connecting::failed: break;
      }
      break;
    case Transport::Connecting::failed: break;
  }
  fail(connect_error(transport_));
  return State::failed;
}

// Until the socket is connected, the writer is called for a failure, too.
void Connect::on_readable() {
  if (transport_.tls() != nullptr) proceed();
}

void Connect::proceed() {
  switch (continue_attempt()) {
    case Transport::Connecting::pending: return transport_.set_reader(this);
    case Transport::Connecting::done: succeed(); break;
    case Transport::Connecting::failed:
      fail(connect_error(transport_));
      try_next();
      break;
  }
  // Also when the next attempt has begun: it has a deadline of its own.
  observer_.on_connect();
}

Connect::State Connect::on_timeout() {
  fail(ConnectError::timeout);
  return try_next();
}

void Connect::succeed() {
  state_ = State::connected;
  transport_.set_writer(nullptr);
  if (transport_.tls() != nullptr) transport_.set_reader(nullptr);
  cells()->sessions.add();
  cluster_->cells().connect_duration.observe(loop_.now() - began_);
  if (attempts_ > 1) cluster_->cells().retries[RetryResult::ok].add();
  record_connect_success(*cluster_, backend_);
}

void Connect::fail(ConnectError error) {
  if (attempts_ > 1) cluster_->cells().retries[RetryResult::failed].add();
  reason_ = error == ConnectError::timeout ? EndReason::connect_timeout : EndReason::connect_failed;
  record_connect_failure(transport_, *cluster_, backend_, error, loop_.now());
  transport_.close();
  release();
}

TimePoint Connect::deadline() const {
  const config::Timeout& timeout = cluster_->spec().connect_timeout;
  return timeout.enabled() ? began_ + timeout.value : kNever;
}

void Connect::release() {
  if (backend_ == kNoBackend) return;
  const BackendIndex backend = std::exchange(backend_, kNoBackend);
  cluster_->cells_of(backend).active.sub();
  --cluster_->load(backend);
}

}  // namespace weir
