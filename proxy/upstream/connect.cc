#include "upstream/connect.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"

namespace weir {

bool is_local(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
         error == EADDRNOTAVAIL;
}

ConnectError connect_error(const Transport& transport) {
  if (const TlsStream* tls = transport.tls(); tls != nullptr && !tls->handshake_done()) {
    if (tls->refused_name()) return ConnectError::tls_name;
    return tls->refused_certificate() ? ConnectError::tls_verify : ConnectError::tls;
  }
  switch (transport.error()) {
    case ECONNREFUSED:
    case ENOENT: return ConnectError::refused;  // ENOENT: a UNIX socket that is not there
    case ETIMEDOUT: return ConnectError::timeout;
    case ENETUNREACH:
    case EHOSTUNREACH: return ConnectError::unreachable;
    default: return ConnectError::other;
  }
}

const char* tls_failure(const Transport& transport) {
  return transport.tls() != nullptr ? transport.tls()->failure() : "";
}

void log_refused_certificate(const Transport& transport, Backend& backend, TimePoint now) {
  const TlsStream* const tls = transport.tls();
  if (tls == nullptr || tls->refusal() == nullptr || !backend.may_log_refusal(now)) return;
  LOG(warn, "backend.certificate_refused", kv("cluster", backend.cluster()),
      kv("backend", backend.name()), kv("address", backend.text()),
      kv("subject", tls->refusal()->subject), kv("reason", tls->refusal()->reason));
}

Transport::Connecting finish_connecting(Transport& transport, const ClusterSpec& spec,
                                        const HostSpec& host, std::string_view greeting) {
  if (transport.tls() == nullptr) {
    const Transport::Connecting state = transport.finish_connecting();
    if (state != Transport::Connecting::done) return state;
    // A fresh socket has room for so little.
    if (!greeting.empty() && transport.write(greeting).bytes != greeting.size())
      return Transport::Connecting::failed;
    if (!spec.tls) return state;
    std::unique_ptr<TlsStream> tls = spec.tls->connect(host.tls_host, host.backend->text());
    if (!tls) return Transport::Connecting::failed;
    transport.start_tls(std::move(tls));
  }
  return transport.handshake();
}

Transport::Connecting Connect::finish() {
  std::array<char, kMaxWrittenProxyHeader> memory;
  std::string_view greeting;
  if (transport_.tls() == nullptr) greeting = observer_.greeting(memory);
  return finish_connecting(transport_, cluster_->spec(), cluster_->spec().hosts[place_], greeting);
}

Connect::State Connect::start(Cluster& cluster, uint64_t client_hash) {
  cluster_ = &cluster;
  client_hash_ = client_hash;
  transport_.set_writer(this);
  return try_next();
}

// Straight on until one attempt has to wait or has succeeded; a refusal may come at once.
Connect::State Connect::try_next() {
  while (attempts_ < kMaxAttempts) {
    place_ = next_place();
    if (place_ == kNoBackend) break;
    tried_[attempts_++] = place_;
    if (attempt() != State::failed) return state_;
  }
  if (attempts_ == 0) cluster_->cells().no_backend.add();
  transport_.set_writer(nullptr);
  return state_ = State::failed;
}

BackendIndex Connect::next_place() {
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
  const HostSpec& host = cluster_->spec().hosts[place_];
  cells()->connects.add();
  cells()->active.add();
  ++cluster_->load(place_);
  began_ = loop_.now();
  switch (transport_.connect(loop_, host.backend->address(), cluster_->spec().connect_options())) {
    case Transport::Connecting::pending: return state_ = State::connecting;
    case Transport::Connecting::done:
      switch (finish()) {
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

// Before the connection is there, a failure is told to the writer, too.
void Connect::on_readable() {
  if (transport_.tls() != nullptr) go_on();
}

void Connect::go_on() {
  switch (finish()) {
    case Transport::Connecting::pending: return transport_.set_reader(this);
    case Transport::Connecting::done: succeed(); break;
    case Transport::Connecting::failed:
      fail(connect_error(transport_));
      try_next();
      break;
  }
  // Also when the next attempt is under way: there is a new deadline.
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
  cluster_->spec().hosts[place_].backend->note_connect_success();
}

void Connect::fail(ConnectError error) {
  Backend& backend = *cluster_->spec().hosts[place_].backend;
  const int code = transport_.error();
  cells()->connect_errors[error].add();
  if (attempts_ > 1) cluster_->cells().retries[RetryResult::failed].add();
  if (!is_local(code)) backend.note_connect_failure(loop_.now(), cluster_->spec().backoff);
  reason_ = error == ConnectError::timeout ? EndReason::connect_timeout : EndReason::connect_failed;
  LOG(debug, "backend.connect_failed", kv("cluster", backend.cluster()),
      kv("backend", backend.name()), kv("error", text(error)), kv("errno", code),
      kv_if(*tls_failure(transport_) != 0, "tls", tls_failure(transport_)));
  log_refused_certificate(transport_, backend, loop_.now());
  transport_.close();
  release();
}

TimePoint Connect::deadline() const {
  const config::Timeout& timeout = cluster_->spec().connect_timeout;
  return timeout.enabled() ? began_ + timeout.value : kNever;
}

void Connect::release() {
  if (place_ == kNoBackend) return;
  const BackendIndex place = std::exchange(place_, kNoBackend);
  cluster_->cells_of(place).active.sub();
  --cluster_->load(place);
}

}  // namespace weir
