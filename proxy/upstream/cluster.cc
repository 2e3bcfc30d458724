#include "upstream/cluster.h"

#include <algorithm>

namespace weir {
namespace {

constexpr double kLeastRetries = 3;
// Backends are scattered in memory: their health is prefetched this far ahead.
constexpr size_t kAhead = 16;

struct Count {
  size_t active = 0, usable = 0, usable_backups = 0;
};

// Usable backups are preferred to unusable backends.
bool panics(const ClusterSpec& spec, const Count& count) {
  if (count.usable == 0 && count.usable_backups > 0) return false;
  const double share =
      count.active == 0 ? 1 : static_cast<double>(count.usable) / static_cast<double>(count.active);
  return share < spec.panic_threshold;
}

// The cluster connects with other TLS settings: kept connections would take the places of new ones.
void keep_none(Pool& pool) {
  const auto limits = std::make_shared<PoolLimits>(pool.limits());
  limits->max_idle = 0;
  pool.set_limits(limits);
}

}  // namespace

bool is_panicking(const ClusterSpec& spec) {
  if (spec.panic_threshold <= 0) return false;
  Count count;
  for (const HostSpec& host : spec.hosts) {
    if (!host.active()) continue;
    if (!host.backup) ++count.active;
    if (host.usable()) ++(host.backup ? count.usable_backups : count.usable);
  }
  return panics(spec, count);
}

Cluster::Cluster(const ClusterSpec& spec, WorkerMetrics& metrics, uint64_t seed, Pools* pools,
                 const Cluster* before)
    : spec_(spec),
      metrics_(metrics),
      cells_(metrics.cluster(spec.series)),
      backend_cells_(spec.hosts.size()),
      all_pools_(pools),
      ejections_(spec, metrics),
      slot_(spec.hosts.size()) {
  if (pools != nullptr) {
    queue_ = pools->queue(spec.name, cells_, spec.shared);
    limits_ = pools->limits(spec);
    pools_.resize(spec.hosts.size());
    if (before != nullptr) adopt_pools(*before);
  }
  for (Tier* tier : {&serving_, &backups_}) {
    tier->balancer = make_balancer(spec.balance, seed, spec.table);
    tier->backends.reserve(spec.hosts.size());
  }
  excluded_.reserve(spec.hosts.size() + spec.connect_attempts);
  loads_.reserve(spec.hosts.size());
  for (const HostSpec& host : spec.hosts) {
    if (host.salt != 0) metrics.hold_load(host.series, host.salt);
    loads_.push_back(&metrics.load(host.series, host.salt));
  }
  rebuild();
}

Cluster::~Cluster() {
  for (const HostSpec& host : spec_.hosts)
    if (host.salt != 0) metrics_.release_load(host.series, host.salt);
}

Pool& Cluster::make_pool(BackendIndex host) {
  CHECK(all_pools_ != nullptr);
  pools_[host] =
      all_pools_->pool(spec_.hosts[host].backend, cells_of(host), queue_, spec_.tls, limits_);
  if (pools_[host]->limits().number < limits_->number) pools_[host]->set_limits(limits_);
  return *pools_[host];
}

void Cluster::adopt_pools(const Cluster& before) {
  for (const std::shared_ptr<Pool>& pool : before.pools_) {
    if (!pool) continue;
    if (pool->tls() != spec_.tls.get()) {
      keep_none(*pool);
      continue;
    }
    const BackendIndex index = spec_.index_of(pool->backend());
    if (index == kNoBackend) continue;
    pools_[index] = pool;
    pool->set_limits(limits_);
  }
}

bool Cluster::begin_retrying(double budget) {
  ClusterShared& shared = *spec_.shared;
  const double most =
      std::max(kLeastRetries, budget * static_cast<double>(shared.requests.taken()));
  return static_cast<double>(shared.retries.taken()) < most && shared.retries.try_take();
}

BackendIndex Cluster::index_of(const Backend& backend, BackendIndex hint) const {
  const std::vector<HostSpec>& hosts = spec_.hosts;
  if (hint < hosts.size() && hosts[hint].backend.get() == &backend) return hint;
  return spec_.index_of(backend);
}

void Cluster::begin_use(BackendIndex host) {
  ++load(host);
  cells_of(host).in_flight.add();
}

void Cluster::end_use(BackendIndex host, Reservation& reservation) {
  --load(host);
  cells_of(host).in_flight.sub();
  reservation.release();
  serve_waiters(host);
}

Reservation Cluster::reserve(BackendIndex index) {
  Backend& backend = *spec_.hosts[index].backend;
  return backend.requests().try_take() ? Reservation(*queue_, backend, false) : Reservation();
}

void Cluster::serve_waiters(BackendIndex index) {
  if (queue_ == nullptr || !queue_->awaited()) return;
  if (Pool* const pool = pools_[index].get(); pool != nullptr) return pool->serve_waiters();
  queue_->serve(*spec_.hosts[index].backend, /*own_room=*/false);
}

bool Cluster::has_room(BackendIndex index, const Wanted& wanted) const {
  if (wanted.room == Room::any) return true;
  const Backend& backend = *spec_.hosts[index].backend;
  if (backend.requests().full()) return false;
  if (wanted.room == Room::session) return true;
  Pool* const pool = pools_[index].get();
  return pool == nullptr ? !spec_.shared->connections_full(backend)
                         : pool->has_room(wanted.whole || !spec_.may_share());
}

// Where connections are limited, idle ones of other workers may be in the way.
void Cluster::look_once_more(const Wanted& wanted) {
  if (choose(wanted).index != kNoBackend) return queue_->look();
  const bool limited = spec_.pool.max_connections != 0 || spec_.limits.connections != 0;
  if (limited && wanted.room == Room::request) spec_.shared->queue.ask_to_shed(*queue_);
}

bool Cluster::may_be_handed(BackendIndex index, const Wanted& wanted) const {
  if (index == kNoBackend || is_avoided(index, wanted.now, wanted.repeatable)) return false;
  const BackendIndex slot = slot_[index];
  const auto in = [&](const Tier& tier) {
    return slot < tier.backends.size() && tier.backends[slot] == index;
  };
  return in(serving_) || in(backups_);
}

void Cluster::reclaim_private() {
  for (const std::shared_ptr<Pool>& pool : pools_)
    if (pool != nullptr) pool->reclaim_private();
}

bool Cluster::is_avoided(BackendIndex index, TimePoint now, bool repeatable) const {
  const HostSpec& host = spec_.hosts[index];
  if (rebuild_.due && !panic_ && !host.usable()) return true;
  if (host.backend->held_off(now)) return true;
  return spec_.ejected(host) && !host.backend->outlier().awaits_trial(now, repeatable);
}

void Cluster::select(Tier& tier, bool backup, bool any_health) {
  tier.backends.clear();
  for (BackendIndex i = 0; i < spec_.hosts.size(); ++i) {
    if (i + kAhead < spec_.hosts.size()) spec_.hosts[i + kAhead].backend->prefetch();
    const HostSpec& host = spec_.hosts[i];
    if (host.backup != backup || !host.active() || !host.backend->has_address()) continue;
    if (any_health || host.usable()) tier.backends.push_back(i);
  }
}

void Cluster::rebuild() {
  select(serving_, /*backup=*/false, /*any_health=*/false);
  select(backups_, /*backup=*/true, /*any_health=*/false);
  const auto active =
      std::count_if(spec_.hosts.begin(), spec_.hosts.end(),
                    [](const HostSpec& host) { return !host.backup && host.active(); });
  panic_ = panics(
      spec_, {static_cast<size_t>(active), serving_.backends.size(), backups_.backends.size()});
  if (serving_.backends.empty() && !backups_.backends.empty())
    serving_.backends.swap(backups_.backends);
  if (panic_) select(serving_, /*backup=*/false, /*any_health=*/true);
  for (Tier* tier : {&serving_, &backups_}) {
    std::vector<Host> hosts;
    hosts.reserve(tier->backends.size());
    for (BackendIndex index : tier->backends) {
      const HostSpec& host = spec_.hosts[index];
      slot_[index] = static_cast<BackendIndex>(hosts.size());
      hosts.push_back(
          {host.backend.get(), host.weight, &host.backend->requests().word(), host.salt, index});
    }
    tier->balancer->rebuild(hosts);
  }
  rebuild_.due = false;
}

void Cluster::refresh(TimePoint now) {
  if (spec_.hosts.size() > kSmall) {
    if (now < rebuild_.not_before) return;
    rebuild_.not_before = now + kRebuildEvery * spec_.hosts.size();
  }
  rebuild();
}

Cluster::Choice Cluster::choose(const Wanted& wanted) {
  if (rebuild_.due) refresh(wanted.now);
  const Choice serving = choose(serving_, wanted);
  if (serving.ready || serving.full || backups_.backends.empty()) return serving;
  const Choice backup = choose(backups_, wanted);
  return backup.ready || backup.full || serving.index == kNoBackend ? backup : serving;
}

BackendIndex Cluster::other_address(BackendIndex index, TimePoint now,
                                    std::span<const BackendIndex> tried, bool avoided_too) const {
  const std::vector<HostSpec>& hosts = spec_.hosts;
  const uint32_t series = hosts[index].series;
  BackendIndex first = index, end = index + 1;
  while (first > 0 && hosts[first - 1].series == series) --first;
  while (end < hosts.size() && hosts[end].series == series) ++end;
  // From the next address on, so that clients of different addresses are spread.
  for (BackendIndex step = 1; step < end - first; ++step) {
    const BackendIndex other = first + (index - first + step) % (end - first);
    if (!hosts[other].usable() || std::find(tried.begin(), tried.end(), other) != tried.end())
      continue;
    if (avoided_too || !is_avoided(other, now)) return other;
  }
  return kNoBackend;
}

Cluster::Choice Cluster::choose(Tier& tier, const Wanted& wanted) {
  const std::vector<BackendIndex>& backends = tier.backends;
  excluded_.clear();
  for (BackendIndex index : wanted.tried) {
    const BackendIndex slot = slot_[index];
    if (slot < backends.size() && backends[slot] == index) excluded_.push_back(slot);
  }
  const BackendIndex slot = tier.balancer->pick({wanted.client_hash, excluded_});
  if (slot == kNoBackend) return {};
  const BackendIndex first = backends[slot];
  const bool ready = !is_avoided(first, wanted.now, wanted.repeatable);
  if (ready && has_room(first, wanted)) return {first, true};
  const bool full = exclude_unready(backends, wanted);
  const BackendIndex other = tier.balancer->pick({wanted.client_hash, excluded_});
  if (other != kNoBackend) return {backends[other], true};
  // All remaining backends are held off or ejected: an attempt at one of them may succeed.
  if (full || !has_room(first, wanted)) return {.full = true};
  return {first};
}

// True: one of them could be used if it had room.
bool Cluster::exclude_unready(const std::vector<BackendIndex>& backends, const Wanted& wanted) {
  bool full = false;
  for (BackendIndex i = 0; i < backends.size(); ++i) {
    const bool avoided = is_avoided(backends[i], wanted.now, wanted.repeatable);
    if (!avoided && has_room(backends[i], wanted)) continue;
    excluded_.push_back(i);
    full |= !avoided &&
            std::find(wanted.tried.begin(), wanted.tried.end(), backends[i]) == wanted.tried.end();
  }
  return full;
}

}  // namespace weir
