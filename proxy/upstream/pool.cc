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

constexpr size_t kSmallestSweep = 64;

// Removes expired entries when the map has doubled since the last removal: an amortized constant
// cost for each entry.
template <typename Map>
void sweep(Map& map, size_t& at) {
  if (map.size() < std::max(at, kSmallestSweep)) return;
  std::erase_if(map, [](const auto& entry) { return entry.second.expired(); });
  at = 2 * map.size();
}

Duration before(Duration limit) {
  return std::max(limit - std::max(kMargin, limit / 10), Duration::zero());
}

}  // namespace

UpstreamConnection::UpstreamConnection(EventLoop& loop, Pool& pool)
    : Retirable(loop), pool_(pool), opened_(loop.now()) {}

UpstreamConnection::~UpstreamConnection() {
  close();
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
  while (!idle_.empty() && (over_limit() || idle_count_ > limits_->max_idle)) drop(idle_.front());
  while (!private_.empty() && over_limit()) drop(private_.front());
  const auto renew = [this](UpstreamConnection& connection) {
    if (used_up(connection)) return drop(connection);
    loop_.deadlines().set(connection, connection.idle_since_ + keep_time(connection));
  };
  idle_.for_each_safe(renew);
  private_.for_each_safe(renew);
  shared_.renew();
}

bool Pool::used_up(const UpstreamConnection& connection) const {
  return limits_->max_requests != 0 && connection.served_ >= limits_->max_requests;
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

Lease Pool::open() {
  ++open_;
  cells_.connects.add();
  cells_.active.add();
  return make_owned<UpstreamConnection>(loop_, *this);
}

void Pool::give_back(Lease lease, Duration keeps_for) {
  DCHECK(!lease->is_private());
  if (!serve_again(*lease, keeps_for) || (draining_ && queue_->length() == 0)) return;
  ++idle_count_;
  start_idling(*lease);
  idle_.push_back(*lease.release());
  queue_->wake();
}

// Whether the connection may serve another request.
bool Pool::serve_again(UpstreamConnection& connection, Duration keeps_for) {
  ++connection.served_;
  connection.keeps_for_ = keeps_for;
  connection.idle_since_ = loop_.now();
  if (used_up(connection) || over_limit()) return false;
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

void Pool::begin_drain() {
  draining_ = true;
  while (!idle_.empty()) drop(idle_.front());
  shared_.begin_drain();
}

void Pool::on_closed() {
  --open_;
  cells_.active.sub();
  queue_->wake();
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

std::shared_ptr<ClusterQueue> Pools::queue(const std::string& cluster, ClusterCells& cells) {
  sweep(queues_, sweep_queues_at_);
  std::weak_ptr<ClusterQueue>& known = queues_[cluster];
  std::shared_ptr<ClusterQueue> queue = known.lock();
  if (!queue) known = queue = std::make_shared<ClusterQueue>(loop_, cells);
  return queue;
}

void Pools::begin_drain() {
  draining_ = true;
  for (const auto& [backend, known] : pools_)
    if (const std::shared_ptr<Pool> pool = known.lock()) pool->begin_drain();
}

void Pools::wake_waiters(std::string_view cluster) {
  if (!cluster.empty()) {
    const auto known = queues_.find(std::string(cluster));
    const std::shared_ptr<ClusterQueue> queue =
        known == queues_.end() ? nullptr : known->second.lock();
    if (queue) queue->wake();
    return;
  }
  for (auto it = queues_.begin(); it != queues_.end();) {
    const std::shared_ptr<ClusterQueue> queue = it->second.lock();
    if (queue) queue->wake();
    it = queue ? std::next(it) : queues_.erase(it);
  }
}

// The shares add up to the limit, if it allows at least one connection for each worker.
uint32_t Pools::share_of(uint64_t limit) const {
  if (limit == 0) return 0;
  return static_cast<uint32_t>(
      std::max<uint64_t>(1, limit / workers_ + (index_ < limit % workers_ ? 1 : 0)));
}

std::shared_ptr<const PoolLimits> Pools::limits(const ClusterSpec& spec) {
  auto limits = std::make_shared<PoolLimits>();
  limits->number = ++last_limits_;
  limits->max_connections = share_of(spec.pool.max_connections);
  limits->max_idle = static_cast<uint32_t>(spec.pool.max_idle);
  limits->max_requests = static_cast<uint32_t>(spec.pool.max_requests);
  limits->max_age = spec.pool.max_age.value;
  limits->idle = spec.pool_idle_timeout;
  limits->idle_place = spec.pool_idle_place;
  limits->max_streams = spec.pool.max_streams;
  limits->shares = spec.may_share();
  return limits;
}

std::shared_ptr<Pool> Pools::pool(const std::shared_ptr<Backend>& backend, BackendCells& cells,
                                  const std::shared_ptr<ClusterQueue>& queue,
                                  const std::shared_ptr<TlsClient>& tls,
                                  const std::shared_ptr<const PoolLimits>& limits) {
  sweep(pools_, sweep_pools_at_);
  std::weak_ptr<Pool>& known = pools_[{backend.get(), tls.get()}];
  std::shared_ptr<Pool> pool = known.lock();
  if (pool) return pool;
  known = pool = std::make_shared<Pool>(loop_, backend, cells, queue, tls, limits, pipes_);
  if (draining_) pool->begin_drain();
  return pool;
}

}  // namespace weir
