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
    queue_ = pools->queue(spec.name, cells_);
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
    if (!pool || pool->tls() != spec_.tls.get()) continue;
    const BackendIndex index = spec_.index_of(pool->backend());
    if (index == kNoBackend) continue;
    pools_[index] = pool;
    pool->set_limits(limits_);
  }
}

bool Cluster::begin_retrying(double budget) {
  const double most = std::max(kLeastRetries, budget * requests_);
  if (retrying_ >= most) return false;
  ++retrying_;
  return true;
}

BackendIndex Cluster::index_of(const Backend& backend, BackendIndex hint) const {
  const std::vector<HostSpec>& hosts = spec_.hosts;
  if (hint < hosts.size() && hosts[hint].backend.get() == &backend) return hint;
  return spec_.index_of(backend);
}

void Cluster::take_over(Cluster& last, bool retrying) {
  last.end_request();
  begin_request();
  if (!retrying) return;
  last.end_retrying();
  ++retrying_;
}

void Cluster::begin_use(BackendIndex host) {
  ++load(host);
  cells_of(host).in_flight.add();
}

void Cluster::end_use(BackendIndex host) {
  --load(host);
  cells_of(host).in_flight.sub();
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
      hosts.push_back({host.backend.get(), host.weight, loads_[index], host.salt, index});
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

BackendIndex Cluster::pick(TimePoint now, uint64_t client_hash, std::span<const BackendIndex> tried,
                           bool repeatable) {
  if (rebuild_.due) refresh(now);
  const Wanted wanted{now, client_hash, tried, repeatable};
  const Choice serving = choose(serving_, wanted);
  if (serving.ready || backups_.backends.empty()) return serving.index;
  const Choice backup = choose(backups_, wanted);
  return backup.ready || serving.index == kNoBackend ? backup.index : serving.index;
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
  const auto avoided = [&](BackendIndex index) {
    return is_avoided(index, wanted.now, wanted.repeatable);
  };
  const std::vector<BackendIndex>& backends = tier.backends;
  excluded_.clear();
  for (BackendIndex index : wanted.tried) {
    const BackendIndex slot = slot_[index];
    if (slot < backends.size() && backends[slot] == index) excluded_.push_back(slot);
  }
  const BackendIndex first = tier.balancer->pick({wanted.client_hash, excluded_});
  if (first == kNoBackend) return {};
  if (!avoided(backends[first])) return {backends[first], true};
  for (BackendIndex i = 0; i < backends.size(); ++i)
    if (avoided(backends[i])) excluded_.push_back(i);
  const BackendIndex other = tier.balancer->pick({wanted.client_hash, excluded_});
  // All remaining backends are held off or ejected: an attempt at one of them may succeed.
  return other == kNoBackend ? Choice{backends[first], false} : Choice{backends[other], true};
}

BackendIndex Cluster::find_room(TimePoint now, std::span<const BackendIndex> tried) {
  for (const Tier* tier : {&serving_, &backups_}) {
    for (size_t i = 0; i < tier->backends.size(); ++i) {
      const BackendIndex index = tier->backends[++scanned_ % tier->backends.size()];
      if ((pools_[index] && !pools_[index]->has_room()) || is_avoided(index, now)) continue;
      if (std::find(tried.begin(), tried.end(), index) == tried.end()) return index;
    }
  }
  return kNoBackend;
}

}  // namespace weir
