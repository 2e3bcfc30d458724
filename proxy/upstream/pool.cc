#include "upstream/pool.h"

#include <algorithm>

#include "base/log.h"

namespace weir {
namespace {

// A connection is retired this much before the backend would close it.
constexpr Duration kMargin = 500ms;
// Two closings after nearly the same idle time show the backend's timeout.
constexpr Duration kAgreement = 1s;
// A login takes several requests in a row: a private connection that is idle for this long is not
// in the middle of one.
constexpr Duration kReclaimAfter = 1s;
// A backend that restarts closes all connections, also after a short idle time: that is no timeout.
constexpr Duration kShortestLimit = 1s;
// A learned timeout is forgotten after this time: the backend may have been reconfigured.
constexpr Duration kForgetAfter = 10min;

// Idle connections beyond `max_idle` are kept for this long: when a load pauses for a moment, or
// the streams of one client end together, the next requests need all of them.
constexpr Duration kSurplusTime = 1s;

Duration before(Duration limit) {
  return std::max(limit - std::max(kMargin, limit / 10), Duration::zero());
}

}  // namespace

UpstreamConnection::UpstreamConnection(EventLoop& loop, Pool& pool)
    : Retirable(loop), pool_(pool), opened_(loop.now()) {}

UpstreamConnection::~UpstreamConnection() {
  close();
}

bool UpstreamConnection::used_up() const {
  const uint32_t most = pool_.limits().max_requests;
  return most != 0 && served_ >= most;
}

void UpstreamConnection::close() {
  Deadline::cancel();
  PrivateLink::unlink();
  if (IdleLink::linked()) {
    IdleLink::unlink();
    if (private_)
      pool_.queue_->count_private(false);
    else
      --pool_.idle_count_;
    pool_.cells_.idle.sub();
  }
  transport.close();
  if (std::exchange(counted_, false)) pool_.on_closed();
}

// A FIN, or bytes without a request; or nothing, because Transport rechecks after a while.
void UpstreamConnection::on_readable() {
  char byte;
  const Io io = transport.read({&byte, 1});
  if (io.status == Io::Status::blocked) return;
  if (io.status == Io::Status::eof) pool_.learn(loop().now() - idle_since_);
  pool_.drop(*this);
}

// It was surplus when it became idle, and need not be any more.
void UpstreamConnection::on_deadline() {
  const Duration keep = pool_.keep_time(*this);
  if (loop().now() - idle_since_ >= keep) return pool_.drop(*this);
  loop().deadlines().set(*this, idle_since_ + keep);
}

Pool::~Pool() {
  while (!idle_.empty()) drop(idle_.front());
  while (!private_.empty()) drop(private_.front());
  shared_.close();
  DCHECK(open_ == 0);
}

void Pool::set_limits(std::shared_ptr<const PoolLimits> limits) {
  limits_ = std::move(limits);
  while (!idle_.empty() && (excess() > 0 || idle_count_ > limits_->max_idle)) drop(idle_.front());
  while (!private_.empty() && excess() > 0) drop(private_.front());
  const auto renew = [this](UpstreamConnection& connection) {
    if (connection.used_up()) return drop(connection);
    loop_.deadlines().set(connection, connection.idle_since_ + keep_time(connection));
  };
  idle_.for_each_safe(renew);
  private_.for_each_safe(renew);
  shared_.renew();
}

Lease Pool::take(Trust trust) {
  while (!idle_.empty()) {
    UpstreamConnection& connection = idle_.back();
    --idle_count_;
    Lease lease(&connection);
    if (stop_idling(connection, trust)) return lease;
  }
  return nullptr;
}

// False: the connection has ended, or its idle time is over.
bool Pool::stop_idling(UpstreamConnection& connection, Trust trust) {
  connection.IdleLink::unlink();
  connection.Deadline::cancel();
  connection.transport.set_reader(nullptr);
  cells_.idle.sub();
  bool closing = connection.transport.readable() || connection.transport.peer_closed();
  // TLS messages make the socket readable, too, so it has to be read.
  const bool look = connection.transport.tls() != nullptr && !connection.transport.peer_closed();
  if (closing ? look : trust == Trust::ask_kernel) {
    char byte;
    closing = connection.transport.read({&byte, 1}).status != Io::Status::blocked;
  }
  if (closing || loop_.now() - connection.idle_since_ >= keep_time(connection)) return false;
  cells_.reuses.add();
  return true;
}

Lease Pool::open(Reservation* reservation) {
  const bool reserved = reservation != nullptr && reservation->take_connection();
  if (!reserved && !queue_->shared().take_connection(*backend_)) return nullptr;
  ++open_;
  cells_.connects.add();
  cells_.active.add();
  return make_owned<UpstreamConnection>(loop_, *this);
}

void Pool::give_back(Lease lease, Duration keeps_for) {
  DCHECK(!lease->is_private());
  if (!serve_again(*lease, keeps_for) || (draining_ && queue_->length() == 0)) return;
  if (queue_->wanted_elsewhere(*backend_)) return;
  ++idle_count_;
  start_idling(*lease);
  idle_.push_back(*lease.release());
}

bool Pool::has_room(bool whole) {
  if (idle_count_ > 0 || (!whole && shared_.has_place())) return true;
  if (whole) return !full() || shared_.idle() > 0;
  return !full() && !shared_.refuses_streams();
}

bool Pool::shed_idle() {
  if (!full()) return false;
  const uint32_t before = open_;
  make_room(/*shared=*/true);
  if (open_ == before) shared_.retire_oldest();
  return open_ < before;
}

// Whether the connection may serve another request.
bool Pool::serve_again(UpstreamConnection& connection, Duration keeps_for) {
  ++connection.served_;
  connection.keeps_for_ = keeps_for;
  connection.idle_since_ = loop_.now();
  if (connection.used_up() || excess() > 0) return false;
  Transport& transport = connection.transport;
  // Readable: a FIN, bytes without a request, or it is not known to be empty, so it has to be read.
  if (transport.readable()) {
    char byte;
    if (transport.read({&byte, 1}).status != Io::Status::blocked) return false;
  }
  return !transport.peer_closed() && keep_time(connection) > Duration::zero();
}

void Pool::start_idling(UpstreamConnection& connection) {
  connection.transport.set_writer(nullptr);
  connection.transport.set_reader(&connection);
  loop_.deadlines().set(connection, connection.idle_since_ + keep_time(connection));
  cells_.idle.add();
}

// A drain does not close it before its client's session ends: the user may be logging in.
UpstreamConnection* Pool::keep_private(Lease lease, BackendIndex backend, Duration keeps_for) {
  DCHECK(lease->is_private());
  if (!serve_again(*lease, keeps_for)) return nullptr;
  lease->backend_index_ = backend;
  start_idling(*lease);
  private_.push_back(*lease);
  queue_->count_private(true);
  return lease.release();
}

void Pool::reclaim_private() {
  if (full() && !private_.empty() && loop_.now() - private_.front().idle_since_ >= kReclaimAfter)
    drop(private_.front());
}

Lease Pool::take_private(UpstreamConnection& connection, Trust trust) {
  DCHECK(connection.is_private() && &connection.pool_ == this);
  connection.PrivateLink::unlink();
  queue_->count_private(false);
  Lease lease(&connection);
  if (!stop_idling(connection, trust)) return nullptr;
  return lease;
}

Duration Pool::keep_time(const UpstreamConnection& connection) const {
  const Duration keep = keep_time(connection.opened_, connection.idle_since_, connection.private_);
  if (connection.keeps_for_ == Duration::max()) return keep;
  return std::min(keep, before(connection.keeps_for_));
}

Duration Pool::keep_time(TimePoint opened, TimePoint idle_since, bool is_private) const {
  if (!is_private && limits_->max_idle == 0) return Duration::zero();
  Duration keep = limits_->idle.enabled() ? limits_->idle.value : Duration::max();
  if (!is_private && idle_count_ + shared_.idle() > limits_->max_idle)
    keep = std::min(keep, kSurplusTime);
  if (limits_->max_age > Duration::zero())
    keep = std::min(keep, opened + limits_->max_age - idle_since);
  const bool known = learned_ != Duration::max() && loop_.now() - learned_at_ < kForgetAfter;
  return known ? std::min(keep, before(learned_)) : std::min<Duration>(keep, 24h);
}

void Pool::drop(UpstreamConnection& connection) {
  Lease(&connection).reset();
}

void Pool::begin_drain(bool at_once) {
  draining_ = true;
  while (!idle_.empty()) drop(idle_.front());
  at_once ? shared_.close() : shared_.begin_drain();
}

void Pool::on_closed() {
  --open_;
  cells_.active.sub();
  queue_->shared().give_connection(*backend_);
  serve_waiters();
  // Room for a connection to any backend.
  if (queue_->shared().connections.limited()) queue_->look();
}

void Pool::make_room(bool shared) {
  if (full() && !idle_.empty()) drop(idle_.front());
  if (full() && shared) shared_.drop_idle();
}

// Of connections that a restart closes at the same moment only the first counts.
void Pool::learn(Duration idle_for) {
  const TimePoint now = loop_.now();
  if (idle_for < kShortestLimit) return;
  if (last_seen_ > Duration::zero() && now - last_seen_at_ < kAgreement) return;
  last_seen_at_ = now;
  const Duration difference = idle_for > last_seen_ ? idle_for - last_seen_ : last_seen_ - idle_for;
  const bool agree = last_seen_ > Duration::zero() && difference <= kAgreement;
  last_seen_ = idle_for;
  if (!agree) return;
  learned_ = idle_for;
  learned_at_ = now;
  if (limits_->idle.enabled() && idle_for >= limits_->idle.value) return;
  if (std::exchange(warned_, true)) return;
  LOG(warn, "backend.closes_idle_connections", kv("cluster", backend_->cluster()),
      kv("backend", backend_->name()), kv("after", idle_for), kv("idle", limits_->idle.value),
      kv_if(!limits_->idle_place.empty(), "config", limits_->idle_place),
      kv("fix", "make timeouts.idle of the cluster shorter than the backend's keep-alive time"));
}

}  // namespace weir
