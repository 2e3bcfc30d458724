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
    const Cluster::Choice next = next_backend();
    if (next.full) return wait();
    if (next.index == kNoBackend) break;
    reservation_ = handed_ ? std::move(handed_) : cluster_->reserve(next.index);
    if (!reservation_) return wait();  // another worker was faster
    if (attempts_ == 0 || !same_name(tried_[attempts_ - 1], next.index)) ++backends_;
    backend_ = tried_[attempts_++] = next.index;
    if (attempt() != State::failed) return state_;
  }
  if (attempts_ == 0) cluster_->cells().no_backend.add();
  leave_queue();
  transport_.set_writer(nullptr);
  return state_ = State::failed;
}

// First what was taken for this session while it waited, if the backend may still be used. Sessions
// that have waited for longer come before this one.
Cluster::Choice Connect::next_backend() {
  const Cluster::Wanted wanted = this->wanted();
  const std::span<const BackendIndex> tried = wanted.tried;
  if (handed_) {
    const BackendIndex index = cluster_->index_of(*handed_.backend(), kNoBackend);
    if (cluster_->may_be_handed(index, wanted)) return {index};
    handed_ = {};
  }
  const auto other = [&](bool avoided_too) {
    const BackendIndex index =
        tried.empty() ? kNoBackend
                      : cluster_->other_address(tried.back(), wanted.now, tried, avoided_too);
    return index != kNoBackend && cluster_->has_room(index, wanted) ? index : kNoBackend;
  };
  if (const BackendIndex index = other(false); index != kNoBackend) return {index};
  Cluster::Choice next;
  if (backends_ < cluster_->spec().connect_attempts) {
    const bool behind = !called_ && cluster_->queue().awaited();
    next = behind ? Cluster::Choice{.full = true} : cluster_->choose(wanted);
  }
  if (next.full || next.index != kNoBackend) return next;
  return {other(true)};
}

// Two addresses of one backend.
bool Connect::same_name(BackendIndex a, BackendIndex b) const {
  const std::vector<HostSpec>& hosts = cluster_->spec().hosts;
  return hosts[a].series == hosts[b].series;
}

Cluster::Wanted Connect::wanted() const {
  return {.now = loop_.now(),
          .client_hash = client_hash_,
          .tried = std::span(tried_).first(attempts_),
          .room = Cluster::Room::session};
}

// ---- waiting for room

Connect::State Connect::wait() {
  const Cluster::Wanted wanted = this->wanted();
  const Wish wish{&cluster_->spec(), wanted.tried, false, cluster_->panicking()};
  ClusterQueue& queue = cluster_->queue();
  if (called_) {
    called_ = false;
    queue.enter_again(*this, wish);
  } else {
    if (queued_since_ == TimePoint{}) queued_since_ = wanted.now;
    const uint64_t most = cluster_->spec().queue.max;
    if (!queue.enter(*this, wish, queued_since_, static_cast<uint32_t>(most)))
      return give_up(EndReason::queue_full);
  }
  cluster_->look_once_more(wanted);
  return state_ = State::queued;
}

void Connect::on_room() {
  called_ = true;
  handed_ = take_handed();
  loop_.yield(*this);
}

void Connect::on_resume() {
  if (try_next() != State::queued) leave_queue();
  observer_.on_connect();
}

// What was taken for it and is not used goes to the next one.
void Connect::leave_queue() {
  cancel_yield();
  if (cluster_ == nullptr) return;
  called_ = false;
  handed_ = {};
  cluster_->queue().leave(*this);
}

Connect::State Connect::give_up(EndReason reason) {
  const bool full = reason == EndReason::queue_full;
  cluster_->cells().queue_rejected[full ? QueueRejection::full : QueueRejection::timeout].add();
  leave_queue();
  reason_ = reason;
  transport_.set_writer(nullptr);
  return state_ = State::failed;
}

const config::Timeout& Connect::queue_timeout() const {
  const ClusterSpec& spec = cluster_->spec();
  return spec.queue.timeout ? *spec.queue.timeout : spec.connect_timeout;
}

// ---- connecting

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
  if (state_ == State::queued) return give_up(EndReason::queue_timeout);
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
  const bool queued = state_ == State::queued;
  const config::Timeout& timeout = queued ? queue_timeout() : cluster_->spec().connect_timeout;
  return timeout.enabled() ? (queued ? queued_since_ : began_) + timeout.value : kNever;
}

void Connect::release() {
  leave_queue();
  if (backend_ == kNoBackend) return;
  const BackendIndex backend = std::exchange(backend_, kNoBackend);
  cluster_->cells_of(backend).active.sub();
  --cluster_->load(backend);
  reservation_.release();
  cluster_->serve_waiters(backend);
}

}  // namespace weir
